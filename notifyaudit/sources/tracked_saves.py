"""Where the tracker of django-field-history wraps save(): which rows a save has written, what was there."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.db import models
from field_history.models import FieldHistory as Row
from field_history.tracker import FieldHistoryTracker

from notifyaudit.subjects import require_saved

if TYPE_CHECKING:
    from notifyaudit.sources.field_history import FieldHistory

_being_made: ContextVar[list[Row] | None] = ContextVar("notifyaudit_field_history", default=None)


class Listening:
    """In the place of a tracker's ``patch_save``: what it makes of ``save()`` is followed by a report."""

    def __init__(self, tracker: FieldHistoryTracker, source: "FieldHistory") -> None:
        self._tracker = tracker
        self.source: FieldHistory | None = source

    def __call__(self, instance: models.Model) -> None:
        type(self._tracker).patch_save(self._tracker, instance)
        tracked_save = instance.save

        def save(**options: Any) -> Any:
            tracked = getattr(instance, self._tracker.attname)
            before = None if instance._state.adding else tracked.saved_data
            token = _being_made.set([])
            try:
                result = tracked_save(**options)
                made = [row for row in _being_made.get() or () if row.pk is not None]
            finally:
                _being_made.reset(token)
            if made and self.source is not None:
                for row in made:
                    require_saved(row)
                self.source.report(*self.source.seen_in(made, before))
            return result

        instance.save = save  # type: ignore[method-assign]


def notice(*, instance: Row, **_: Any) -> None:
    """Remember a row that is being made, for the save that makes it."""
    made = _being_made.get()
    # One that was read has its key already. A new one gets it when it is written.
    if made is not None and instance.pk is None:
        made.append(instance)


def trackers_of(model: type[models.Model]) -> list[FieldHistoryTracker]:
    """The trackers of a model, those that it inherits too."""
    return [
        attribute
        for base in model.__mro__
        for attribute in vars(base).values()
        if isinstance(attribute, FieldHistoryTracker)
    ]
