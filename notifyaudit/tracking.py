"""Records what a block of code changes about objects, by comparing their rows before and after."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction

from notifyaudit import conf, rows, watching
from notifyaudit.actions import known
from notifyaudit.context import INHERITED
from notifyaudit.exceptions import UnsavedTarget
from notifyaudit.identity import has_key
from notifyaudit.models import AuditEvent
from notifyaudit.rows import Key
from notifyaudit.subjects import Subject, load_ancestors, require_saved
from notifyaudit.writing import Draft, write

Tracked = models.Model | models.QuerySet[Any] | Iterable[models.Model]


@dataclass(slots=True)
class Tracking:
    """
    What a :func:`track` block has recorded, known after its end.

    Attributes:
        events: one per object that was changed, created or deleted, in the order of the objects.
    """

    events: list[AuditEvent] = field(default_factory=list)

    @property
    def event(self) -> AuditEvent | None:
        """The first of them; ``None`` if nothing changed."""
        return self.events[0] if self.events else None


@contextmanager
def track(
    target: Tracked,
    action: str,
    *,
    actor: Any = INHERITED,
    related: Iterable[models.Model] = (),
    data: Mapping[str, Any] | None = None,
    source: str = "app",
) -> Iterator[Tracking]:
    """
    Record what the block changes about an object, if anything::

        with track(inspection, InspectionAction.EDITED):
            form.save()

        with track(Inspection.objects.filter(status="draft"), InspectionAction.CLOSED) as tracking:
            Inspection.objects.filter(status="draft").update(status="completed")

    Opens a transaction and compares rows in the database, locked, on entry and on exit: fields and
    many-to-many relations. A row that is gone at the end was deleted, and its event keeps a snapshot; the row
    of an unsaved instance that is there at the end was created.

    Args:
        target: an object, saved or about to be saved; several, of one model or more; or a queryset: the rows
            that match it on entry are followed, whatever they match afterwards.
        action: what a change is called.
        actor: as for :func:`record`, for each of the events; so are the following.
        related: further saved objects that were involved.
        data: anything else worth keeping.
        source: which part of the project saw it.

    Raises:
        UnknownAction, UnsavedTarget, WrongDatabase: as :func:`record`, on entry.
    """
    known.require(action)
    with transaction.atomic(using=conf.current().DATABASE):
        keys, unsaved = _split(target)
        before = rows.read(keys, lock=True)
        missing = [key for key in keys if key not in before]
        # An object was meant. A row that left a queryset in this very moment is not followed.
        if missing and not isinstance(target, models.QuerySet):
            raise UnsavedTarget(missing[0][0](pk=missing[0][1]))
        # Now: after the block the objects, what they belong to and what they refer to may be gone.
        rows.load_relations(before.values())
        subjects = _subjects(before)
        tracking = Tracking()
        yield tracking
        saved_now = [rows.key_of(instance) for instance in unsaved if has_key(instance)]
        # Locked as well: under MariaDB's REPEATABLE READ a plain read would show older rows than the first.
        after = rows.read([*keys, *saved_now], lock=True)
        changes = _changes(before, after)
        subjects |= _subjects({key: after[key] for key in changes})
        # A generator would be used up by the first event.
        shared = related if isinstance(related, models.Model) else tuple(related)
        details: dict[str, Any] = {"actor": actor, "related": shared, "data": data, "source": source}
        tracking.events = write(
            [
                Draft(action=action, subject=subjects[key], snapshot=rows.snapshot(row), **details)
                for key, row in before.items()
                if key not in after
            ]
            + [
                Draft(action=action, subject=subjects[key], changes=changed, **details)
                for key, changed in changes.items()
            ]
        )
        watching.cover({subject.type_name for subject in subjects.values()})


def _split(target: Tracked) -> tuple[list[Key], list[models.Model]]:
    """The keys of the rows to follow, and the instances that may become rows."""
    if isinstance(target, models.QuerySet):
        matching = target.using(conf.current().DATABASE).values_list("pk", flat=True)
        return [(target.model, pk) for pk in matching], []
    instances = [target] if isinstance(target, models.Model) else list(target)
    unsaved = [instance for instance in instances if instance._state.adding]
    saved = [instance for instance in instances if not instance._state.adding]
    for instance in saved:
        require_saved(instance)
    return [rows.key_of(instance) for instance in saved], unsaved


def _subjects(found: Mapping[Key, models.Model]) -> dict[Key, Subject]:
    load_ancestors(found.values())
    return {key: Subject.of(row) for key, row in found.items()}


def _changes(
    before: Mapping[Key, models.Model], after: Mapping[Key, models.Model]
) -> dict[Key, dict[str, tuple[Any, Any]]]:
    """What happened to each row that is there at the end, where anything did."""
    rows.load_relations(after.values())
    remaining, created = [key for key in after if key in before], [key for key in after if key not in before]
    differing = rows.differences([(before[key], after[key]) for key in remaining])
    changes = {key: changed for key, changed in zip(remaining, differing, strict=True) if changed}
    return changes | dict(zip(created, rows.contents([after[key] for key in created]), strict=True))
