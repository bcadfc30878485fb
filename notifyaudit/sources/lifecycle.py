"""For hooks that fire at every save, as those of django-lifecycle: one event for what a transaction did."""

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from notifyaudit import conf
from notifyaudit.exceptions import NotInTransaction
from notifyaudit.identity import id_of, type_of
from notifyaudit.models import AuditEvent
from notifyaudit.netchange import same
from notifyaudit.recording import record
from notifyaudit.transactions import COMMITS, key_of

_in_tests: WeakKeyDictionary[BaseDatabaseWrapper, "list[_Told]"] = WeakKeyDictionary()


def record_once(
    action: str,
    *,
    target: models.Model,
    changes: Mapping[str, Sequence[Any]] | None = None,
    **details: Any,
) -> AuditEvent | None:
    """
    :func:`~notifyaudit.record`, but one event per action, target and transaction, however often the hook
    fires in it. Its changes are what all the calls together changed::

        @hook(AFTER_UPDATE, when="status", has_changed=True)
        def tell(self):
            record_once(
                InspectionAction.EDITED,
                target=self,
                changes={"status": (self.initial_value("status"), self.status)},
            )

    A savepoint that is rolled back takes along what was called in it, and nothing else.

    Args:
        action: as for ``record()``.
        target: the object.
        changes: what this call changed, ``{field: (old, new)}``.
        details: further arguments of ``record()``; those of the first call count.

    Returns:
        the event; ``None`` when all that the calls changed was changed back, so that there is none any more.

    Raises:
        NotInTransaction: outside a transaction, as in a hook with ``on_commit=True``: the values are no
            longer those of the change, and the event could be lost.
        Exception: as ``record()``.
    """
    connection = transaction.get_connection(conf.current().DATABASE)
    key = key_of(connection)
    if key is None:
        raise NotInTransaction(
            message="record_once() was called outside a transaction. A hook with on_commit=True runs after "
            "the commit, where the values are no longer those of the change: leave on_commit out."
        )
    name = (action, type_of(target), id_of(target))
    # The plain class: what is not committed yet is no fact yet.
    stored: models.QuerySet[AuditEvent] = models.QuerySet(AuditEvent, using=connection.alias)
    earlier = stored.filter(pk__in=[told.event_id for told in _told(connection, key) if told.name == name])
    for event in earlier.order_by("pk"):
        return _joined(event, record(action, target=target, changes=changes, **details), stored)
    event = record(action, target=target, changes=changes, **details)
    _remember(connection, _Told(key, name, event.pk))
    return event


class _Told:
    """The sign that this transaction, or the savepoint in which it was made, has recorded an event."""

    def __init__(self, key: object, name: tuple[str, str, str], event_id: int) -> None:
        self.key, self.name, self.event_id = key, name, event_id

    def __call__(self) -> None:
        """As a hook of a commit: nothing is left to do."""


def _told(connection: BaseDatabaseWrapper, key: object) -> list[_Told]:
    if key is COMMITS:
        return [hook[1] for hook in connection.run_on_commit if isinstance(hook[1], _Told)]
    return [told for told in _in_tests.get(connection, ()) if told.key == key]


def _remember(connection: BaseDatabaseWrapper, told: _Told) -> None:
    if told.key is COMMITS:
        # Dropped with its savepoint, as the event is.
        connection.on_commit(told, robust=True)
    else:
        kept = [each for each in _in_tests.get(connection, ()) if each.key == told.key]
        _in_tests[connection] = [*kept, told]


def _joined(
    first: AuditEvent, second: AuditEvent, stored: "models.QuerySet[AuditEvent]"
) -> AuditEvent | None:
    """One event in the place of two, with the net change of both; the second is taken out again."""
    stored.filter(pk=second.pk).delete()
    net = dict(first.changes)
    for name, (old, new) in second.changes.items():
        net[name] = [net[name][0] if name in net else old, new]
    net = {name: sides for name, sides in net.items() if not same(*sides)}
    if not net and (first.changes or second.changes):
        stored.filter(pk=first.pk).delete()
        return None
    stored.filter(pk=first.pk).update(changes=net)
    first.changes = net
    return first
