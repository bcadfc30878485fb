"""
From invitations to notifications and messages: a mail of its own for who is told at once, and for others a
place in the message that stays open until their digest leaves.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import F

from notifyaudit import clock, conf
from notifyaudit.digests import DigestEmail
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


def _open_messages(invitations: Iterable[Invitation]) -> Mapping[str, int]:
    """
    The open message of each, by its key. One that a worker claims meanwhile is closed, and another opened:
    the UPDATE that changes nothing waits for the claim, or makes the claim wait.
    """
    wanted = {_open_key(invitation): invitation for invitation in invitations}
    found: dict[str, int] = {}
    while missing := sorted(wanted.keys() - found.keys()):
        due = closings([wanted[key] for key in missing], clock.now())
        new = [
            _message(wanted[key], open_key=key, due_at=due[wanted[key].recipient.key, wanted[key].frequency])
            for key in missing
        ]
        _messages().bulk_create(new, ignore_conflicts=True)
        _messages().filter(open_key__in=missing).update(open_key=F("open_key"))
        opened = _messages().filter(open_key__in=missing)
        found |= {str(key): pk for key, pk in opened.values_list("open_key", "pk")}
    return found


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
        open_key=open_key,
        due_at=due_at or clock.now(),
    )


def _open_key(invitation: Invitation) -> str:
    parts = (invitation.carrier.key, invitation.frequency, invitation.recipient.key)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _messages() -> MessageQuerySet:
    return Message.objects.using(conf.current().DATABASE)
