"""
The first step: from an event to the notifications of everybody who should hear of it, and their mails.

Safe to repeat and to resume anywhere: a notification is unique per event, kind of email and recipient,
and whoever adds some holds the event's row.
"""

import logging
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet

from notifyaudit import clock, conf, stopping
from notifyaudit.actions import known
from notifyaudit.contention import persistent
from notifyaudit.context import on_behalf_of
from notifyaudit.emails import AuditEmail
from notifyaudit.isolation import isolated
from notifyaudit.models import AuditEvent, Message, Notification, Reason, SkipReason
from notifyaudit.models.event import AuditEventQuerySet, look_up_together
from notifyaudit.recipients import Recipient, in_chunks
from notifyaudit.registry import emails
from notifyaudit.text import describe

logger = logging.getLogger("notifyaudit")

CHUNK = 500
"""Recipients per transaction: what a kill in the middle repeats, and what is in memory."""

BATCH = 100
"""Events read at once."""


def route_pending() -> int:
    """
    Route every event that is not routed yet, and ask those email classes again that raised.

    Events whose action this code does not know are left for newer code.

    Returns:
        how many events were routed.
    """
    _ask_again(clock.now())
    return sum(_route_safely(event) for event in _unrouted())


def route(event: AuditEvent) -> None:
    """
    Ask each email class of the event's action for its recipients, and write down who is told and who is
    not. A class that raises is written down too, and keeps nobody else from being told.
    """
    for email_class in emails.for_action(event.action):
        _tell_all(event, email_class)
        if stopping.requested():
            return  # it may not have been told to all: a later sweep goes on
    _mark_routed(event)


@persistent
def _mark_routed(event: AuditEvent) -> None:
    _events().filter(pk=event.pk, routed_at__isnull=True).update(routed_at=clock.now())


def _unrouted() -> Iterator[AuditEvent]:
    last = 0
    while batch := list(_events().unrouted().filter(pk__gt=last, action__in=known.values())[:BATCH]):
        look_up_together(batch)
        for event in batch:
            if stopping.requested():
                return
            yield event
        last = batch[-1].pk


def _route_safely(event: AuditEvent) -> bool:
    try:
        route(event)
    except Exception:
        # Not an email class (see _tell_all) but the ledger itself: the next pass takes up the event.
        logger.exception("event %s could not be routed and stays unrouted", event.pk)
        return False
    return True


def _tell_all(event: AuditEvent, email_class: type[AuditEmail]) -> bool:
    chunks = _recipients(event, email_class)
    while True:
        try:
            with on_behalf_of(event.correlation_id), isolated():
                chunk = next(chunks, None)
        except Exception as error:
            logger.exception("%s could not say whom to tell of event %s", email_class.key, event.pk)
            _write_failure(event, email_class, error)
            return False
        if chunk is None:
            return True
        _write_chunk(event, email_class, chunk)
        if stopping.requested():
            return False


def _recipients(event: AuditEvent, email_class: type[AuditEmail]) -> Iterator[list[Recipient]]:
    # A generator, so that get_recipients() itself runs inside the guard of its first next().
    recipients = email_class.get_recipients(event)
    # Not "or ()": the truth of a queryset is found by reading all of it.
    yield from in_chunks(() if recipients is None else recipients, CHUNK)


@persistent
def _write_chunk(event: AuditEvent, email_class: type[AuditEmail], chunk: list[Recipient]) -> None:
    with transaction.atomic(using=conf.current().DATABASE):
        _hold(event)
        told = set(
            _notifications(event, email_class)
            .filter(recipient_key__in=[recipient.key for recipient in chunk])
            .values_list("recipient_key", flat=True)
        )
        _write(event, email_class, [recipient for recipient in chunk if recipient.key not in told])


def _write(event: AuditEvent, email_class: type[AuditEmail], recipients: list[Recipient]) -> None:
    notifications = [
        Notification(
            event=event,
            email_key=email_class.key,
            recipient_key=recipient.key,
            recipient_id=recipient.user_id,
            address=recipient.address,
            reason=Reason.NAMED,
            skip_reason=_skip_reason(event, email_class, recipient),
        )
        for recipient in recipients
    ]
    wanted = [notification for notification in notifications if not notification.skip_reason]
    alias = conf.current().DATABASE
    messages = Message.objects.using(alias).bulk_create(
        Message(
            email_key=email_class.key,
            recipient_key=notification.recipient_key,
            recipient_id=notification.recipient_id,
            address=notification.address,
            priority=email_class.priority,
        )
        for notification in wanted
    )
    for notification, message in zip(wanted, messages, strict=True):
        notification.message = message
    Notification.objects.using(alias).bulk_create(notifications)


def _skip_reason(event: AuditEvent, email_class: type[AuditEmail], recipient: Recipient) -> str:
    if not email_class.notify_actor and event.actor_id and recipient.user_id == event.actor_id:
        return SkipReason.ACTOR
    return ""


@persistent
def _write_failure(event: AuditEvent, email_class: type[AuditEmail], error: Exception) -> None:
    alias = conf.current().DATABASE
    with transaction.atomic(using=alias):
        _hold(event)
        failure = _notifications(event, email_class).filter(recipient_key="").first() or Notification(
            event=event, email_key=email_class.key
        )
        failure.attempts += 1
        failure.error = describe(error)
        pause = email_class.retry.pause(failure.attempts)
        failure.retry_at = clock.now() + pause if pause is not None else None
        failure.save(using=alias)


def _ask_again(now: datetime) -> None:
    keys = [email_class.key for email_class in emails]
    failures = (
        Notification.objects.using(conf.current().DATABASE)
        .filter(recipient_key="", retry_at__lte=now, email_key__in=keys)
        .select_related("event")
        .order_by("pk")
    )
    last = 0
    while batch := list(failures.filter(pk__gt=last)[:BATCH]):
        last = batch[-1].pk  # before the rows are deleted, and with them their keys
        look_up_together(failure.event for failure in batch)
        for failure in batch:
            _ask_again_safely(failure)


def _ask_again_safely(failure: Notification) -> None:
    email_class = emails.get(failure.email_key)
    try:
        if email_class is not None and _tell_all(failure.event, email_class):
            failure.delete()
    except Exception:
        # As in _route_safely: what is wrong with one must not keep the others, or any mail, from leaving.
        logger.exception("event %s could not be routed again", failure.event_id)


def _hold(event: AuditEvent) -> None:
    # An UPDATE that changes nothing takes the row's lock on every database; SELECT FOR UPDATE does not on
    # SQLite, and there a transaction that begins by reading may be refused its first write.
    _events().filter(pk=event.pk).update(routed_at=F("routed_at"))


def _events() -> AuditEventQuerySet:
    return AuditEvent.objects.using(conf.current().DATABASE)


def _notifications(event: AuditEvent, email_class: type[AuditEmail]) -> QuerySet[Notification]:
    return Notification.objects.using(conf.current().DATABASE).filter(event=event, email_key=email_class.key)
