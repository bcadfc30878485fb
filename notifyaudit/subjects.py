"""What an event says about its object: type, id, name, ancestors, and which of its values are secret."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from django.core.exceptions import ObjectDoesNotExist
from django.db import models

from notifyaudit import conf
from notifyaudit.exceptions import UnsavedTarget, WrongDatabase
from notifyaudit.identity import has_key, id_of, reference, repr_of, type_of
from notifyaudit.masking import Mask
from notifyaudit.secrecy import mask_of

_GENERATIONS = 16
"""More than any model has: a loop of parents ends here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An object as it was at one moment, so that it can be spoken of when it is gone."""

    type_name: str = ""
    id: str = ""
    repr: str = ""
    ancestors: list[dict[str, str]] = field(default_factory=list)
    model: type[models.Model] | None = None

    @classmethod
    def of(cls, instance: models.Model) -> Self:
        """
        Raises:
            UnsavedTarget, WrongDatabase: see :func:`require_saved`.
        """
        require_saved(instance)
        return cls(
            type_name=type_of(instance),
            id=id_of(instance),
            repr=repr_of(instance),
            ancestors=[reference(ancestor) for ancestor in _ancestors(instance)],
            model=instance._meta.model,
        )

    @property
    def mask(self) -> Mask:
        """Hides what the settings and the model declare as sensitive."""
        return mask_of(self.model)


def require_saved(instance: models.Model) -> None:
    """
    Raises:
        UnsavedTarget: if the instance was never saved, or has been deleted.
        WrongDatabase: if it was read from another database than the ledger's.
    """
    if not has_key(instance) or instance._state.adding:
        raise UnsavedTarget(instance)
    ledger = conf.current().DATABASE
    if instance._state.db != ledger:
        raise WrongDatabase(instance, instance._state.db, ledger)


def _ancestors(instance: models.Model) -> Iterator[models.Model]:
    current: Any = instance
    for _ in range(_GENERATIONS):
        name = getattr(current, "notifyaudit_parent", None)
        if not name:
            return
        try:
            current = getattr(current, name)
        except ObjectDoesNotExist:
            return
        if not isinstance(current, models.Model):
            return
        yield current
