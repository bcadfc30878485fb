"""
The first step: from an event to the notifications of everybody who should hear of it, and their mails.

Safe to repeat and to resume anywhere: a notification is unique per event, kind of email and recipient,
and whoever adds some holds the event's row.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet

from notifyaudit import clock, conf, permitting, stopping
from notifyaudit.actions import known
from notifyaudit.contention import persistent
from notifyaudit.context import on_behalf_of
from notifyaudit.emails import AuditEmail
from notifyaudit.inviting import Refusals, keys_about, of_named, of_subscriber
from notifyaudit.isolation import isolated
from notifyaudit.joining import write
from notifyaudit.models import AuditEvent, Notification
from notifyaudit.models.event import AuditEventQuerySet, look_up_together
from notifyaudit.participating import let_actor_watch
from notifyaudit.recipients import Recipient, in_chunks
from notifyaudit.registry import emails, most_specific_first
from notifyaudit.subscribers import Audience, Wishes
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
    Ask each email class of the event's action for its recipients, then look for subscribers, and write down
    who is told and who is not. A class that raises is written down too, tells nobody until it is asked again,
    and keeps nobody else from it.
    """
    with on_behalf_of(event.correlation_id):
        _route(event)


def _route(event: AuditEvent) -> None:
    email_classes = most_specific_first(emails.for_action(event.action), event.action)
    audience = Audience(event, keys_about(email_classes), CHUNK)
    able = []
    for email_class in email_classes:
        if _tell_all(event, email_class, audience):
            able.append(email_class)
        if stopping.requested():
            return  # it may not have been told to all: a later sweep goes on
    if (able or not email_classes) and not _tell_subscribers(event, able, audience):
        return
    let_actor_watch(event, email_classes)
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
        with on_behalf_of(event.correlation_id):
            logger.exception("event %s could not be routed and stays unrouted", event.pk)
        return False
    return True


def _tell_all(event: AuditEvent, email_class: type[AuditEmail], audience: Audience) -> bool:
    chunks = _recipients(event, email_class)
    while True:
        try:
            with isolated():
                chunk = next(chunks, None)
                refusals = {email_class.key: permitting.refusals(email_class, event, chunk or ())}
        except Exception as error:
            logger.exception("%s could not say whom to tell of event %s", email_class.key, event.pk)
            _write_failure(event, email_class, error)
            return False
        if chunk is None:
            return True
        _write_named(event, email_class, chunk, audience, refusals)
        if stopping.requested():
            return False


def _tell_subscribers(
    event: AuditEvent, email_classes: Sequence[type[AuditEmail]], audience: Audience
) -> bool:
    for chunk in audience.chunks():
        refusals = {}
        for email_class in email_classes:
            try:
                with isolated():
                    recipients = [wishes.recipient for wishes in chunk]
                    refusals[email_class.key] = permitting.refusals(email_class, event, recipients)
            except Exception as error:
                logger.exception("%s could not say who may hear of event %s", email_class.key, event.pk)
                _write_failure(event, email_class, error)
        able = [email_class for email_class in email_classes if email_class.key in refusals]
        if able or not email_classes:
            _write_subscribers(event, able, chunk, refusals)
        if stopping.requested():
            return False
    return True


def _recipients(event: AuditEvent, email_class: type[AuditEmail]) -> Iterator[list[Recipient]]:
    # A generator, so that get_recipients() itself runs inside the guard of its first next().
    recipients = email_class.get_recipients(event)
    # Not "or ()": the truth of a queryset is found by reading all of it.
    yield from in_chunks(() if recipients is None else recipients, CHUNK)


@persistent
def _write_named(
    event: AuditEvent,
    email_class: type[AuditEmail],
    chunk: list[Recipient],
    audience: Audience,
    refusals: Refusals,
) -> None:
    with transaction.atomic(using=conf.current().DATABASE):
        _hold(event)
        told = _told(event, chunk).filter(email_key=email_class.key).values_list("recipient_key", flat=True)
        new = _without(chunk, told)
        said = audience.of(new)
        write(event, [of_named(event, email_class, each, said[each.key], refusals) for each in new])


@persistent
def _write_subscribers(
    event: AuditEvent, email_classes: list[type[AuditEmail]], chunk: list[Wishes], refusals: Refusals
) -> None:
    with transaction.atomic(using=conf.current().DATABASE):
        _hold(event)
        recipients = [wishes.recipient for wishes in chunk]
        # Whom a class has named, or a sweep before this one has found, gets no second mail.
        told = _told(event, recipients).values_list("recipient_key", flat=True)
        new = {recipient.key for recipient in _without(recipients, told)}
        found = [
            of_subscriber(event, email_classes, each, refusals) for each in chunk if each.recipient.key in new
        ]
        write(event, [invitation for invitations in found for invitation in invitations])


def _told(event: AuditEvent, recipients: list[Recipient]) -> QuerySet[Notification]:
    keys = [recipient.key for recipient in recipients]
    rows = Notification.objects.using(conf.current().DATABASE)
    return rows.filter(event=event, recipient_key__in=keys)


def _without(recipients: list[Recipient], keys: Iterable[str]) -> list[Recipient]:
    known = set(keys)
    return [recipient for recipient in recipients if recipient.key not in known]


@persistent
def _write_failure(event: AuditEvent, email_class: type[AuditEmail], error: Exception) -> None:
    alias = conf.current().DATABASE
    with transaction.atomic(using=alias):
        _hold(event)
        failure = _failures().filter(event=event, email_key=email_class.key).first() or Notification(
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
        _failures().filter(retry_at__lte=now, email_key__in=keys).select_related("event").order_by("pk")
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
        if email_class is None:
            return
        if _tell_those_of(email_class, failure.event):
            # Not if it has raised once more meanwhile, which is written to the same row.
            _failures().filter(pk=failure.pk, attempts=failure.attempts).delete()
    except Exception:
        # As in _route_safely: what is wrong with one must not keep the others, or any mail, from leaving.
        logger.exception("event %s could not be routed again", failure.event_id)


def _tell_those_of(email_class: type[AuditEmail], event: AuditEvent) -> bool:
    audience = Audience(event, keys_about([email_class]), CHUNK)
    with on_behalf_of(event.correlation_id):
        return _tell_all(event, email_class, audience) and _tell_subscribers(event, [email_class], audience)


def _hold(event: AuditEvent) -> None:
    # An UPDATE that changes nothing takes the row's lock on every database; SELECT FOR UPDATE does not on
    # SQLite, and there a transaction that begins by reading may be refused its first write.
    _events().filter(pk=event.pk).update(routed_at=F("routed_at"))


def _events() -> AuditEventQuerySet:
    return AuditEvent.objects.using(conf.current().DATABASE)


def _failures() -> QuerySet[Notification]:
    return Notification.objects.using(conf.current().DATABASE).filter(recipient_key="")
