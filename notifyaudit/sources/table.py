"""An audit trail that is a table of one model, a row a change: a project's own, or a package's."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.db.models.signals import post_save

from notifyaudit import conf
from notifyaudit.sources.base import Seen, Source
from notifyaudit.subjects import require_saved

PAGE = 500
"""Rows in memory while a history is read."""


class ModelSource(Source):
    """
    Base of a source whose audit trail is a model: what is saved is reported, what is there is its history::

        class Changes(ModelSource):
            name = "changes"
            model = "history.Change"

            def seen(self, row):
                return Seen(reference=str(row.pk), kind=Kind.UPDATED, target=row.related, changes=row.fields)

    It hears ``save()`` and ``create()`` of the model. A ``bulk_create()`` sends no signal.

    Attributes:
        model: the model, or its label.
        moment: the field that holds when it happened, by which the history is ordered; empty: there is none,
            and the primary key orders it.
    """

    model: ClassVar[type[models.Model] | str]
    moment: ClassVar[str] = ""

    def seen(self, row: Any) -> Seen | None:
        """What a row tells; ``None``: nothing that could be an event."""
        raise NotImplementedError(f"{type(self).__qualname__}.seen() must tell what a row says.")

    def seen_in(self, rows: Sequence[Any]) -> Iterable[Seen]:
        """What several rows tell, for those that need to look up something: here it costs once for all."""
        return (seen for row in rows if (seen := self.seen(row)) is not None)

    def rows(self) -> "models.QuerySet[Any]":
        """The rows that are its history; narrow them, or add ``select_related()``."""
        return self.row_model._base_manager.using(conf.current().DATABASE).all()

    @property
    def row_model(self) -> type[models.Model]:
        """
        The model.

        Raises:
            LookupError: if no installed app has it.
        """
        return apps.get_model(self.model) if isinstance(self.model, str) else self.model

    def connect(self) -> None:
        post_save.connect(self._saved, sender=self.row_model, weak=False)

    def disconnect(self) -> None:
        post_save.disconnect(self._saved, sender=self.row_model)

    def history(self, since: datetime | None = None) -> Iterator[Seen]:
        rows = self.rows()
        if since is not None and self.moment:
            rows = rows.filter(**{f"{self.moment}__gte": since})
        for page in pages(rows, self.moment):
            for seen in self.seen_in(page):
                # Without a column for it, only the row itself tells when it happened.
                if since is None or self.moment or seen.occurred_at is None or seen.occurred_at >= since:
                    yield seen

    def _saved(self, *, instance: Any, created: bool, raw: bool = False, **_: Any) -> None:
        if created and not raw:
            require_saved(instance)
            try:
                self.report(*self.seen_in([instance]))
            except Exception as error:
                # Whoever saved the row may not know of the source.
                error.add_note(f"While the source {self.name!r} read {instance._meta.label} {instance.pk}.")
                raise


def pages(rows: "models.QuerySet[Any]", moment: str = "") -> Iterator[list[Any]]:
    """
    The rows in portions, the oldest first, found by key: memory stays flat, and what is written or deleted
    meanwhile shifts none of the others.

    Args:
        rows: which.
        moment: the field to order by; empty: the primary key.
    """
    rows = rows.order_by(*([moment] if moment else []), "pk")
    after = rows
    while page := list(after[:PAGE]):
        yield page
        if len(page) < PAGE:
            return
        last = page[-1]
        if moment:
            at = getattr(last, moment)
            same_or_later = rows.filter(**{f"{moment}__gte": at})
            after = same_or_later.filter(Q(**{f"{moment}__gt": at}) | Q(pk__gt=last.pk))
        else:
            after = rows.filter(pk__gt=last.pk)
