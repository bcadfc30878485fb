"""
From invitations to notifications and messages: a mail of its own for who is told at once, and for others a
place in the message that stays open until their digest leaves.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from notifyaudit import clock, conf
from notifyaudit.digests import DigestEmail
from notifyaudit.emails import AuditEmail
from notifyaudit.frequency import Frequency
from notifyaudit.inviting import Invitation
from notifyaudit.models import AuditEvent, Message, Notification
from notifyaudit.models.message import MessageQuerySet
from notifyaudit.schedule import closings


def write(event: AuditEvent, invitations: Sequence[Invitation]) -> None:
    """
    Write down who is told of the event and who is not. Whoever calls this holds the event's row, in a
    transaction, and has left out those of whom it is written already.
    """
    alias = conf.current().DATABASE
    notifications = [
        Notification(
            event=event,
            email_key=(invitation.email_class or DigestEmail).key,
            recipient_key=invitation.recipient.key,
            recipient_id=invitation.recipient.user_id,
            address=invitation.recipient.address,
            reason=invitation.reason,
            skip_reason=invitation.skip_reason,
        )
        for invitation in invitations
    ]
    told = [
        (notification, invitation)
        for notification, invitation in zip(notifications, invitations, strict=True)
        if not invitation.skip_reason
    ]
    at_once = [pair for pair in told if not _waits(pair[1])]
    messages = Message.objects.using(alias).bulk_create(_message(invitation) for _, invitation in at_once)
    for (notification, _), message in zip(at_once, messages, strict=True):
        notification.message = message
    waiting = [pair for pair in told if _waits(pair[1])]
    if waiting:
        opened = _open_messages([invitation for _, invitation in waiting])
        for notification, invitation in waiting:
            notification.message_id = opened[_open_key(invitation)]
    Notification.objects.using(alias).bulk_create(notifications)


def _waits(invitation: Invitation) -> bool:
    return invitation.frequency != Frequency.IMMEDIATE


def _class_of(invitation: Invitation) -> type[AuditEmail]:
    if invitation.email_class is None:
        return DigestEmail
    return invitation.email_class.digest_class if _waits(invitation) else invitation.email_class


def _open_messages(invitations: Iterable[Invitation]) -> Mapping[str, int]:
    """
    The open message of each, by its key, locked: no worker claims it before it is known who has joined. One
    that a worker has claimed meanwhile is closed, and another opened.
    """
    wanted = {_open_key(invitation): invitation for invitation in invitations}
    found = _locked(wanted)
    while missing := sorted(wanted.keys() - found.keys()):
        due = closings([wanted[key] for key in missing], clock.now())
        new = [
            _message(wanted[key], open_key=key, due_at=due[wanted[key].recipient.key, wanted[key].frequency])
            for key in missing
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
    email_class = _class_of(invitation)
    return Message(
        email_key=email_class.key,
        recipient_key=invitation.recipient.key,
        recipient_id=invitation.recipient.user_id,
        address=invitation.recipient.address,
        priority=email_class.priority,
        frequency=invitation.frequency,
        open_key=open_key,
        due_at=due_at or clock.now(),
    )


def _open_key(invitation: Invitation) -> str:
    parts = (_class_of(invitation).key, invitation.frequency, invitation.recipient.key)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _messages() -> MessageQuerySet:
    return Message.objects.using(conf.current().DATABASE)
