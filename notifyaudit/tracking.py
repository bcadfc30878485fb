"""Records what a block of code changes about an object, by comparing its row before and after."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction

from notifyaudit import conf, rows
from notifyaudit.actions import known
from notifyaudit.exceptions import UnsavedTarget
from notifyaudit.models import AuditEvent
from notifyaudit.recording import write_event
from notifyaudit.subjects import Subject, require_saved


@dataclass(slots=True)
class Tracked:
    """What a :func:`track` block has recorded: ``event`` after its end, ``None`` if nothing changed."""

    event: AuditEvent | None = None


@contextmanager
def track(target: models.Model, action: str, **details: Any) -> Iterator[Tracked]:
    """
    Record what the block changes about an object, if anything::

        with track(inspection, InspectionAction.EDITED):
            form.save()

    Opens a transaction and compares the row in the database, locked, on entry and on exit: fields and
    many-to-many relations. If the block deletes the object, the event keeps a snapshot of it.

    Args:
        target: the saved object.
        action: what it is called when something has changed.
        details: ``actor``, ``related``, ``data``, ``source``, ``source_ref`` as for :func:`record`.

    Raises:
        UnknownAction, UnsavedTarget, WrongDatabase, NotInTransaction: as :func:`record`, on entry.
    """
    known.require(action)
    require_saved(target)
    with transaction.atomic(using=conf.current().DATABASE):
        before = rows.read(target._meta.model, target.pk, lock=True)
        if before is None:
            raise UnsavedTarget(target)
        # Now: after the block the object, or what it belongs to, may be gone.
        subject, related_before = Subject.of(before), rows.relations(before)
        tracked = Tracked()
        yield tracked
        # Locked as well: under MariaDB's REPEATABLE READ a plain read would show an older row than the first.
        after = rows.read(type(before), before.pk, lock=True)
        snapshot: dict[str, Any] | None = None
        changes: dict[str, Any] = {}
        if after is None:
            snapshot = rows.snapshot(before)
        else:
            subject, related_after = Subject.of(after), rows.relations(after)
            changes = rows.differences(before, after)
            changes |= {
                name: (related_before[name], related_after[name])
                for name in related_after
                if related_before[name] != related_after[name]
            }
        if changes or snapshot:
            event = AuditEvent(
                action=str(action),
                source=details.pop("source", "app"),
                source_ref=details.pop("source_ref", None),
            )
            tracked.event = write_event(event, subject, changes=changes, snapshot=snapshot, **details)
