"""
The second step: from messages that are due to mails that are out, each settled in the ledger.

A message is marked ``sending`` right before it leaves, in the same transaction in which the one before it
is settled. So a kill leaves at most one mail of which nobody can know whether it arrived, and the ledger
knows which.
"""

import hashlib
import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.core.mail import EmailMessage
from django.db import transaction
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.utils import timezone
from django_pony_express.errors import EmailServiceAttachmentError, EmailServiceConfigError

from notifyaudit import conf
from notifyaudit.claiming import Claim, claim, recover
from notifyaudit.contention import persistent
from notifyaudit.context import on_behalf_of
from notifyaudit.exceptions import InvalidAddress
from notifyaudit.isolation import isolated
from notifyaudit.models import Message, MessageStatus, Notification, SkipReason
from notifyaudit.preparing import Declined, Mail, Parcel, parcels_of, prepare
from notifyaudit.text import describe
from notifyaudit.transport import (
    NoConnection,
    Refused,
    Transport,
    TransportFactory,
    Uncertain,
    open_transport,
)

logger = logging.getLogger("notifyaudit")

_PERMANENT = (
    InvalidAddress,
    Refused,
    TemplateDoesNotExist,
    TemplateSyntaxError,
    EmailServiceConfigError,
    EmailServiceAttachmentError,
)
"""What will not go away by itself; everything else is tried again by the class's ``RetryPolicy``."""


_OWN_SERVER_PAUSE = timedelta(minutes=1)
"""How long a mail waits whose class asks for a server of its own that cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a message: its new status, what else is written to its row, and why it was skipped."""

    status: MessageStatus
    values: dict[str, Any] = field(default_factory=dict)
    skip_reason: str = ""


def send_due(connect: TransportFactory = open_transport) -> Counter[MessageStatus]:
    """
    Send every message that is due, over one connection.

    Args:
        connect: makes the transport for a mail backend, ``None`` for the project's.

    Returns:
        how many messages ended in which status.

    Raises:
        NoConnection: if the mail server cannot be reached; what was claimed has been given back.
    """
    recover()
    outcomes: Counter[MessageStatus] = Counter()
    transport = connect(None)
    try:
        while batch := claim():
            _send_batch(batch, transport, connect, outcomes)
    finally:
        transport.close()
    return outcomes


def _send_batch(
    batch: Claim, transport: Transport, connect: TransportFactory, outcomes: Counter[MessageStatus]
) -> None:
    parcels = parcels_of(batch.messages)
    # The mail that left last: its outcome is written together with the mark of the next one.
    unsettled: tuple[Parcel, Outcome] | None = None
    try:
        for position, parcel in enumerate(parcels):
            ready = _given_up(parcel) or _prepare(parcel)
            known = [unsettled] if unsettled else []
            if isinstance(ready, Outcome):
                written, ours = _write(batch, [*known, (parcel, ready)])
            else:
                written, ours = _write(batch, known, leaving=parcel.message)
            outcomes.update(written)
            unsettled = None
            if isinstance(ready, Outcome) or not ours:
                continue
            try:
                unsettled = parcel, _transmit(parcel, ready, transport, connect)
            except NoConnection as error:
                unsettled = parcel, _given_back(parcel, error)
                batch.release([rest.message for rest in parcels[position + 1 :]])
                raise
    finally:
        # Also when a signal or a lost database ends the loop: what is known is worth trying to write.
        if unsettled:
            outcomes.update(_write(batch, [unsettled])[0])


def _given_up(parcel: Parcel) -> Outcome | None:
    # A mail whose worker vanished has been in no worker's hands that could count and stop.
    uncertain = parcel.message.status == MessageStatus.UNCERTAIN
    if uncertain and parcel.email_class.retry.pause(parcel.message.attempts) is None:
        return Outcome(status=MessageStatus.HELD)
    return None


def _prepare(parcel: Parcel) -> Mail | Outcome:
    with on_behalf_of(parcel.correlation_id):
        try:
            with isolated():
                return prepare(parcel)
        except Declined as decision:
            return Outcome(status=MessageStatus.CANCELLED, skip_reason=decision.skip_reason)
        except InvalidAddress as error:
            # No traceback: it would say nothing more, and the address is personal data.
            logger.warning("message %s has an invalid address", parcel.message.pk)
            return _failed(parcel, error)
        except Exception as error:
            logger.exception("message %s could not be prepared", parcel.message.pk)
            return _failed(parcel, error)


def _transmit(parcel: Parcel, mail: Mail, transport: Transport, connect: TransportFactory) -> Outcome:
    attempts = parcel.message.attempts + 1
    try:
        # Before it leaves: once it is out, nothing may fail any more.
        content_hash = _digest(mail.content)
        if mail.backend is None:
            transport.send(mail.content)
        else:
            own = connect(mail.backend)
            try:
                own.send(mail.content)
            finally:
                own.close()
    except NoConnection as error:
        if mail.backend is None:
            raise
        # Only this class asks for this server: the mails of the others must not wait for it.
        logger.error("mail server of message %s: %s", parcel.message.pk, error)  # noqa: TRY400 - as above
        outcome = _given_back(parcel, error)
        return replace(outcome, values={**outcome.values, "due_at": timezone.now() + _OWN_SERVER_PAUSE})
    except Uncertain as error:
        logger.warning("message %s may have been sent: %s", parcel.message.pk, error)
        return _uncertain(parcel, error)
    except Exception as error:  # noqa: BLE001 - whatever the backend raised is written to the ledger
        logger.warning("message %s was not sent: %s", parcel.message.pk, type(error).__name__)
        return _failed(parcel, error)
    logger.info("message %s sent", parcel.message.pk)
    return Outcome(
        status=MessageStatus.SENT,
        values={
            "attempts": attempts,
            "sent_at": timezone.now(),
            "last_error": "",
            "content_hash": content_hash,
        },
    )


def _failed(parcel: Parcel, error: Exception) -> Outcome:
    attempts = parcel.message.attempts + 1
    values = {"attempts": attempts, "last_error": describe(error)}
    pause = None if isinstance(error, _PERMANENT) else parcel.email_class.retry.pause(attempts)
    if pause is not None:
        return Outcome(status=MessageStatus.OPEN, values={**values, "due_at": timezone.now() + pause})
    return Outcome(
        status=MessageStatus.FAILED,
        values=values,
        skip_reason=SkipReason.INVALID_ADDRESS if isinstance(error, InvalidAddress) else "",
    )


def _uncertain(parcel: Parcel, error: Uncertain) -> Outcome:
    now = timezone.now()
    values: dict[str, Any] = {
        "attempts": parcel.message.attempts + 1,
        "last_error": describe(error),
        "uncertain_at": parcel.message.uncertain_at or now,
    }
    pause = parcel.email_class.retry.pause(values["attempts"])
    if conf.current().UNCERTAIN_POLICY == "hold" or pause is None:
        return Outcome(status=MessageStatus.HELD, values=values)
    return Outcome(status=MessageStatus.UNCERTAIN, values={**values, "due_at": now + pause})


def _given_back(parcel: Parcel, error: NoConnection) -> Outcome:
    # No attempt is counted: the mail never left.
    return Outcome(status=MessageStatus(parcel.message.status), values={"last_error": describe(error)})


@persistent
def _write(
    batch: Claim, known: list[tuple[Parcel, Outcome]], *, leaving: Message | None = None
) -> tuple[Counter[MessageStatus], bool]:
    """
    One commit: what became of the mails before, and that another leaves now.

    Returns:
        how many were settled in which status, and whether the one that leaves is (still) ours.
    """
    with transaction.atomic(using=conf.current().DATABASE):
        settled = Counter(outcome.status for parcel, outcome in known if _settle(batch, parcel, outcome))
        return settled, leaving is not None and batch.mark_sending(leaving)


def _settle(batch: Claim, parcel: Parcel, outcome: Outcome) -> bool:
    if not batch.settle(parcel.message, status=outcome.status, **outcome.values):
        logger.warning("message %s was taken over by another worker: the lease had ended", parcel.message.pk)
        return False
    if outcome.skip_reason:
        notifications = Notification.objects.using(conf.current().DATABASE)
        notifications.filter(message=parcel.message).update(skip_reason=outcome.skip_reason)
    return True


def _digest(content: EmailMessage) -> str:
    # An overridden build() may return a message without alternatives.
    alternatives = getattr(content, "alternatives", ())
    parts = [content.subject, content.body, *(alternative[0] for alternative in alternatives)]
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
