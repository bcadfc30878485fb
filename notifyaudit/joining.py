"""
From invitations to notifications and messages: a mail of its own, or a place in the message that stays open
until the reader's digest leaves, or until the mail has waited for company long enough.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from notifyaudit import clock, conf
from notifyaudit.digests import DigestEmail
from notifyaudit.frequency import Frequency
from notifyaudit.inviting import Invitation
from notifyaudit.limiting import limited
from notifyaudit.models import AuditEvent, Message, MessageStatus, Notification, SkipReason
from notifyaudit.models.message import MessageQuerySet
from notifyaudit.schedule import closings


def write(event: AuditEvent, invitations: Sequence[Invitation]) -> None:
    """
    Write down who is told of the event and who is not. Whoever calls this holds the event's row, in a
    transaction, and has left out those of whom it is written already.
    """
    alias = conf.current().DATABASE
    invitations = limited(event, invitations)
    notifications = [
        Notification(
            event=event,
            email_key=(invitation.email_class or DigestEmail).key,
            recipient_key=invitation.recipient.key,
            recipient_id=invitation.recipient.user_id,
            address=invitation.recipient.address,
            reason=invitation.reason,
            skip_reason=SkipReason.STORM if invitation.is_held else invitation.skip_reason,
        )
        for invitation in invitations
    ]
    told = [
        (notification, invitation, _open_key(event, invitation))
        for notification, invitation in zip(notifications, invitations, strict=True)
        if not invitation.skip_reason
    ]
    alone = [each for each in told if each[2] is None]
    messages = Message.objects.using(alias).bulk_create(_message(invitation) for _, invitation, _ in alone)
    for (notification, *_), message in zip(alone, messages, strict=True):
        notification.message = message
    opened = _open_messages({key: invitation for _, invitation, key in told if key is not None})
    for notification, _, key in told:
        if key is not None:
            notification.message_id = opened[key]
    Notification.objects.using(alias).bulk_create(notifications)


def _open_key(event: AuditEvent, invitation: Invitation) -> str | None:
    """What all have in common that go into this mail; ``None``: nothing may join it."""
    email_class = invitation.carrier
    common: tuple[str, ...] = ()
    if not _is_digest(invitation):
        match email_class.bundle_by:
            case "target" if event.target_id:
                common = (event.target_type, event.target_id)
            case "correlation" if event.correlation_id:
                common = (event.correlation_id,)
            case _:
                return None
    common = (*common, "held") if invitation.is_held else common
    parts = (email_class.key, invitation.frequency, invitation.recipient.key, *common)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _is_digest(invitation: Invitation) -> bool:
    return invitation.frequency != Frequency.IMMEDIATE


def _open_messages(wanted: Mapping[str, Invitation]) -> Mapping[str, int]:
    """
    The open message of each, by its key, locked: no worker claims it before it is known who has joined. One
    that a worker has claimed meanwhile is closed, and another opened.
    """
    found = _locked(wanted)
    while missing := sorted(wanted.keys() - found.keys()):
        now = clock.now()
        due = closings([wanted[key] for key in missing if _is_digest(wanted[key])], now)
        new = [
            _message(
                invitation, open_key=key, due_at=due.get((invitation.recipient.key, invitation.frequency))
            )
            for key, invitation in ((key, wanted[key]) for key in missing)
        ]
        _messages().bulk_create(new, ignore_conflicts=True)
        found |= _locked(missing)
    return found


def _locked(open_keys: Collection[str]) -> dict[str, int]:
    # In one statement: what is read after a lock may be a row that was opened after it. In their order, so
    # that two who join the same do not wait for each other. SQLite locks no rows; there nobody else writes
    # while we hold the event.
    rows = _messages().select_for_update().filter(open_key__in=open_keys).order_by("open_key")
    return {str(key): pk for key, pk in rows.values_list("open_key", "pk")}


def _message(
    invitation: Invitation, *, open_key: str | None = None, due_at: datetime | None = None
) -> Message:
    return Message(
        email_key=invitation.carrier.key,
        recipient_key=invitation.recipient.key,
        recipient_id=invitation.recipient.user_id,
        address=invitation.recipient.address,
        priority=invitation.carrier.priority,
        frequency=invitation.frequency,
        status=MessageStatus.HELD if invitation.is_held else MessageStatus.OPEN,
        open_key=open_key,
        due_at=due_at or clock.now() + invitation.carrier.window,
    )


def _messages() -> MessageQuerySet:
    return Message.objects.using(conf.current().DATABASE)
