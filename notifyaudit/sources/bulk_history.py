"""
The seam of django-simple-history's bulk helpers: they send no signal, but all go through one method of the
history manager.
"""

from inspect import getattr_static
from typing import Any

from django.db import models, router, transaction
from django.dispatch import Signal

bulk_recorded = Signal()
"""Sent by a historical model, with the ``rows`` that were written, in their transaction."""


def tell_of_bulks(model: type[models.Model]) -> None:
    """Have ``bulk_history_create()`` of the model's history manager send :data:`bulk_recorded`."""
    descriptor = _descriptor(model)
    if not hasattr(descriptor.manager_class, "silent_class"):
        descriptor.manager_class = _telling(descriptor.manager_class)


def tell_of_bulks_no_more(model: type[models.Model]) -> None:
    """Give the model its own history manager back, unless somebody still listens."""
    descriptor = _descriptor(model)
    silent = getattr(descriptor.manager_class, "silent_class", None)
    if silent is not None and not bulk_recorded.has_listeners(descriptor.model):
        descriptor.manager_class = silent


def _descriptor(model: type[models.Model]) -> Any:
    return getattr_static(model, model._meta.simple_history_manager_attribute)  # type: ignore[attr-defined]


def _telling(silent: type[Any]) -> type[Any]:
    class TellingHistoryManager(silent):  # type: ignore[misc]
        silent_class = silent

        def bulk_history_create(self, *args: Any, **options: Any) -> Any:
            # One transaction, also where the caller has none: no record without its event.
            with transaction.atomic(using=router.db_for_write(self.model), savepoint=False):
                rows = super().bulk_history_create(*args, **options)
                bulk_recorded.send(self.model, rows=rows or [])
            return rows

    return TellingHistoryManager
