"""Gives mails, email classes, sightings and receivers of signals another chance, when a person says so."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from notifyaudit import clock, conf
from notifyaudit.contention import persistent
from notifyaudit.models import (
    Message,
    MessageStatus,
    Notification,
    Sighting,
    SignalCall,
    SignalCallStatus,
)

_SETTLED = (MessageStatus.FAILED, MessageStatus.HELD, MessageStatus.CANCELLED, MessageStatus.BOUNCED)


@persistent
def revive(
    ids: Collection[int] = (), *, failed: bool = False, uncertain: bool = False, held: bool = False
) -> int:
    """
    Make messages due now, with all their attempts before them; their sweep is still to come.

    Args:
        ids: of messages that were not sent; also of cancelled ones.
        failed: all that have failed, the email classes that raised to the last when they were asked, the
            receivers of reliable signals that did when they were called, and what triggers have seen and no
            source could record.
        uncertain: all that may have arrived and wait for a person, or for their time.
        held: all that wait for a person, for whatever reason.

    Returns:
        how many messages, email classes, calls of receivers and sightings there were.
    """
    now = clock.now()
    alias = conf.current().DATABASE
    wanted = Q(pk__in=ids, status__in=_SETTLED)
    if failed:
        wanted |= Q(status=MessageStatus.FAILED)
    if uncertain:
        wanted |= Q(status=MessageStatus.UNCERTAIN)
        wanted |= Q(status=MessageStatus.HELD, uncertain_at__isnull=False)
    if held:
        wanted |= Q(status=MessageStatus.HELD)
    with transaction.atomic(using=alias):
        messages = Message.objects.using(alias)
        revived = list(messages.filter(wanted).select_for_update().values_list("pk", flat=True))
        messages.filter(pk__in=revived).update(
            status=MessageStatus.OPEN,
            due_at=now,
            attempts=0,
            abandoned=0,
            lease_token=None,
            lease_until=None,
            # What comes after is not released with it.
            open_key=None,
        )
        # Why it was not sent is no longer true.
        notifications = Notification.objects.using(alias)
        notifications.filter(message__in=revived).update(skip_reason="")
        classes = calls = sightings = 0
        if failed:
            given_up = notifications.filter(recipient_key="", retry_at__isnull=True).exclude(error="")
            classes = given_up.update(retry_at=now, attempts=0)
            kept = SignalCall.objects.using(alias).filter(status=SignalCallStatus.FAILED)
            calls = kept.update(status=SignalCallStatus.OPEN, due_at=now, attempts=0, abandoned=0)
            unrecorded = Sighting.objects.using(alias).filter(retry_at__isnull=True).exclude(error="")
            sightings = unrecorded.update(retry_at=now, attempts=0)
    return len(revived) + classes + calls + sightings
