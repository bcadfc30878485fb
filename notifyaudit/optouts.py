"""
What a link of a mail stops, and how that is taken back. Both are events, so that the ledger says why somebody
is told no more; the event holds which rows there were before.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from notifyaudit import conf
from notifyaudit.actions import SubscriptionAction
from notifyaudit.contention import persistent
from notifyaudit.links import Extent, Reader, Scope
from notifyaudit.models import AuditEvent, Preference, Subscription
from notifyaudit.models.subscription import Matter
from notifyaudit.recording import record
from notifyaudit.registry import emails
from notifyaudit.subscribing import row_of
from notifyaudit.tokens import InvalidToken


@persistent
def opt_out(reader: Reader, scope: Scope) -> AuditEvent | None:
    """
    Tell this reader no more of this, whatever they have asked for before. What they ask for afterwards they
    are told.

    Returns:
        the event that says so: an earlier one, if it was stopped already; ``None``: not by a link.
    """
    with transaction.atomic(using=conf.current().DATABASE):
        _take_turn(reader)
        mutes = {row.key: row for row in _mutes(reader, scope)}
        before = list(_rows().filter(key__in=mutes))
        standing = [row for row in before if row.muted]
        there = {row.key for row in standing}
        new = [mute for key, mute in mutes.items() if key not in there]
        if not new:
            return _events().filter(idempotency_key__in=map(_stopped_by, standing)).order_by("-pk").first()
        replaced = [row for row in before if not row.muted]
        # New rows, not changed ones: by its own key each mute is found again with the event that made it.
        _rows().filter(pk__in=[row.pk for row in replaced]).delete()
        muted = _rows().bulk_create(new)
        return record(
            SubscriptionAction.UNSUBSCRIBED,
            actor=reader.user,
            data={
                "reader": reader.name,
                "extent": scope.extent,
                "email_key": scope.email_key,
                "target_type": scope.target_type,
                "target_id": scope.target_id,
                "muted": [row.pk for row in muted],
                "replaced": [_stored(row) for row in replaced],
            },
            idempotency_key=_stopped_by(muted[0]),
        )


@persistent
def undo(reader: Reader, event: AuditEvent) -> None:
    """
    Let it be as it was before this event. What the reader has said of it since then, stands; and to undo it
    twice changes nothing.
    """
    with transaction.atomic(using=conf.current().DATABASE):
        _take_turn(reader)
        if is_undone(event):
            return
        muted = _rows().filter(subscriber_key=reader.recipient.key, pk__in=event.data["muted"], muted=True)
        standing = set(muted.values_list("key", flat=True))
        muted.delete()
        restored = [row for row in _restored(reader, event) if row.key in standing]
        _rows().bulk_create(restored)
        record(
            SubscriptionAction.RESUBSCRIBED,
            actor=reader.user,
            data={"reader": reader.name, "event": event.pk, "restored": [row.pk for row in restored]},
            idempotency_key=_undone_by(event),
        )


def is_undone(event: AuditEvent) -> bool:
    """Whether what this event tells of has been taken back."""
    return _events().filter(idempotency_key=_undone_by(event)).exists()


def opt_out_of(event_id: int) -> tuple[AuditEvent, Scope, str]:
    """
    The event that :func:`opt_out` recorded, what it stopped, and its reader's name.

    Raises:
        InvalidToken: if there is none (any more).
    """
    event = _events().filter(pk=event_id, action=SubscriptionAction.UNSUBSCRIBED).first()
    if event is None:
        raise InvalidToken
    names = ("email_key", "target_type", "target_id")
    scope = Scope(extent=Extent(event.data["extent"]), **{name: event.data[name] for name in names})
    return event, scope, event.data["reader"]


def _mutes(reader: Reader, scope: Scope) -> Iterable[Subscription]:
    recipient = reader.recipient
    match scope.extent:
        case Extent.EVERYTHING:
            return [row_of(recipient, Matter.EVERYTHING, "", "", "", muted=True)]
        case Extent.OBJECT:
            return [row_of(recipient, Matter.EVERYTHING, "", scope.target_type, scope.target_id, muted=True)]
    places = [("", ""), *_places_that_tell(reader, scope.email_key)]
    return [
        row_of(recipient, Matter.EMAIL, scope.email_key, *place, muted=True)
        for place in dict.fromkeys(places)
    ]


def _places_that_tell(reader: Reader, email_key: str) -> Iterable[tuple[str, str]]:
    """The objects about which this reader has asked for mail: there a mute for any object would lose."""
    rows = _rows().filter(subscriber_key=reader.recipient.key, muted=False)
    email_class = emails.get(email_key)
    if email_class is not None and email_class.collects:
        # Nobody is told through a digest but by rows about others; only those of its own class end it.
        rows = rows.filter(matter=Matter.EMAIL, name=email_key)
    return rows.order_by("pk").values_list("target_type", "target_id")


def _stored(row: Subscription) -> list[Any]:
    # As a list: a project may have declared any word as the name of a secret.
    return [
        row.pk,
        row.matter,
        row.name,
        row.target_type,
        row.target_id,
        row.frequency,
        row.created_at.isoformat(),
    ]


def _restored(reader: Reader, event: AuditEvent) -> Iterable[Subscription]:
    for pk, matter, name, target_type, target_id, frequency, created_at in event.data["replaced"]:
        row = row_of(reader.recipient, Matter(matter), name, target_type, target_id)
        row.pk, row.frequency = pk, frequency
        row.created_at = datetime.fromisoformat(created_at)
        yield row


def _take_turn(reader: Reader) -> None:
    # Two requests for the same reader, as a double click makes them, follow each other.
    holder = reader.user or reader.preference
    model = Preference if reader.user is None else type(holder)
    alias = conf.current().DATABASE
    if not model._base_manager.using(alias).select_for_update().filter(pk=holder.pk).values_list("pk"):
        raise InvalidToken


def _stopped_by(mute: Subscription) -> str:
    return f"{SubscriptionAction.UNSUBSCRIBED}:{mute.pk}"


def _undone_by(event: AuditEvent) -> str:
    return f"{SubscriptionAction.RESUBSCRIBED}:{event.pk}"


def _events() -> QuerySet[AuditEvent]:
    return AuditEvent.objects.using(conf.current().DATABASE)


def _rows() -> QuerySet[Subscription]:
    return Subscription.objects.using(conf.current().DATABASE)
