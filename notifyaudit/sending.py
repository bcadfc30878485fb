"""
The second step: from messages that are due to mails that are out, each settled in the ledger.

A message is marked ``sending`` right before it leaves, in the same transaction in which the one before it
is settled. So a kill leaves at most one mail of which nobody can know whether it arrived, and the ledger
knows which.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django_pony_express.errors import EmailServiceAttachmentError, EmailServiceConfigError

from notifyaudit import clock, conf, consent, pausing, stopping
from notifyaudit.claiming import BATCH, Claim, claim, recover
from notifyaudit.contention import persistent
from notifyaudit.context import on_behalf_of
from notifyaudit.exceptions import InvalidAddress, InvalidMail
from notifyaudit.failures import NoConnection, Refused, Unauthorised, Uncertain
from notifyaudit.isolation import isolated
from notifyaudit.models import Message, MessageStatus, Notification, SkipReason
from notifyaudit.preparing import Declined, Mail, Parcel, parcels_of, prepare
from notifyaudit.text import describe
from notifyaudit.transport import Transport, close_kept, open_transport, project_transport

logger = logging.getLogger("notifyaudit")

_PERMANENT = (
    InvalidMail,
    Refused,
    TemplateDoesNotExist,
    TemplateSyntaxError,
    EmailServiceConfigError,
    EmailServiceAttachmentError,
)
"""What will not go away by itself; everything else is tried again by the class's ``RetryPolicy``."""


_MOURNED = 5
"""So many workers may vanish with a mail in hand that has not left; from the second on it was alone."""


_OWN_SERVER_PAUSE = timedelta(minutes=1)
"""How long a mail waits whose class asks for a server of its own that cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a message: its new status, what else is written to its row, and why it was skipped."""

    status: MessageStatus
    values: dict[str, Any] = field(default_factory=dict)
    skip_reason: str = ""


def send_due() -> Counter[MessageStatus]:
    """
    Send every message that is due: over one connection, and if there is more than one claim's worth, over up
    to ``CONNECTIONS``, each in a thread of its own.

    Returns:
        how many messages ended in which status.

    Raises:
        NoConnection: if the mail server cannot be reached; what was claimed has been given back.
    """
    recover()
    first = claim()
    others = _helpers_for(first)
    if not others:
        return _send(first)
    with ThreadPoolExecutor(others, thread_name_prefix="notifyaudit") as pool:
        helping = [pool.submit(copy_context().run, _send_in_thread) for _ in range(others)]
        outcomes = _send(first)
    return sum((each.result() for each in helping), outcomes)


def _helpers_for(first: Claim | None) -> int:
    # One is enough for few mails, or to ask whether the mail server accepts us again. And who has a
    # transaction open, as a test has, sees on another connection nothing of what is to be sent.
    if first is None or first.on_trial or len(first.messages) < BATCH or _ledger_connection().in_atomic_block:
        return 0
    return conf.current().CONNECTIONS - 1


def _send_in_thread() -> Counter[MessageStatus]:
    try:
        return _send(claim())
    finally:
        close_kept()
        _ledger_connection().close()


def _send(batch: Claim | None) -> Counter[MessageStatus]:
    outcomes: Counter[MessageStatus] = Counter()
    if batch is None:
        return outcomes
    with ExitStack() as stack:
        try:
            transport = stack.enter_context(project_transport())
        except Exception:
            batch.release(batch.messages)  # the backend cannot even be made, and no mail is to blame
            raise
        while batch is not None:
            try:
                _send_batch(batch, transport, outcomes)
            except Unauthorised as error:
                pausing.refused(error)
                raise
            if batch.on_trial and outcomes[MessageStatus.SENT]:
                pausing.accepted()
            batch = None if stopping.requested() else claim()
    return outcomes


def _send_batch(batch: Claim, transport: Transport, outcomes: Counter[MessageStatus]) -> None:
    parcels = parcels_of(batch.messages)
    step = conf.current().MAX_IN_FLIGHT
    # The mails that left last: their outcome is written together with the mark of the next ones.
    unsettled: list[tuple[Parcel, Outcome]] = []
    try:
        for start in range(0, len(parcels), step):
            if stopping.requested():
                batch.release([rest.message for rest in parcels[start:]])
                return
            ready = [
                (parcel, _given_up(parcel) or _prepare(parcel)) for parcel in parcels[start : start + step]
            ]
            decided = [(parcel, made) for parcel, made in ready if isinstance(made, Outcome)]
            leaving = [(parcel, made) for parcel, made in ready if isinstance(made, Mail)]
            written, ours = _write(
                batch, unsettled + decided, leaving=[parcel.message for parcel, _ in leaving]
            )
            outcomes.update(written)
            unsettled = []
            marked_at = clock.now()
            going = [(parcel, mail) for parcel, mail in leaving if parcel.message in ours]
            for position, (parcel, mail) in enumerate(going):
                if clock.now() - marked_at > conf.current().LEASE / 2:
                    # The mails before were slow, and who takes over a mail must not find it leaving.
                    unsettled += [(each, _given_back(each)) for each, _ in going[position:]]
                    break
                try:
                    with on_behalf_of(parcel.correlation_id):
                        unsettled.append((parcel, _transmit(parcel, mail, transport)))
                except NoConnection as error:
                    unsettled += [(each, _given_back(each, error)) for each, _ in going[position:]]
                    batch.release([rest.message for rest in parcels[start + step :]])
                    raise
    finally:
        # Also when a signal or a lost database ends the loop: what is known is worth trying to write.
        if unsettled:
            outcomes.update(_write(batch, unsettled)[0])


def _given_up(parcel: Parcel) -> Outcome | None:
    message = parcel.message
    # A mail whose worker vanished has been in no worker's hands that could count and stop.
    if message.status == MessageStatus.UNCERTAIN and parcel.email_class.retry.pause(message.attempts) is None:
        return Outcome(status=MessageStatus.HELD)
    if message.abandoned > _MOURNED:
        error = f"{message.abandoned} workers vanished while they prepared it"
        return Outcome(status=MessageStatus.HELD, values={"last_error": error})
    return None


def _prepare(parcel: Parcel) -> Mail | Outcome:
    with on_behalf_of(parcel.correlation_id):
        try:
            with isolated():
                return prepare(parcel)
        except Declined as decision:
            return Outcome(status=MessageStatus.CANCELLED, skip_reason=decision.skip_reason)
        except InvalidMail as error:
            # No traceback and no text: an address is personal data.
            logger.warning("message %s cannot be sent: %s", parcel.message.pk, type(error).__name__)
            return _failed(parcel, error)
        except Exception as error:
            logger.exception("message %s could not be prepared", parcel.message.pk)
            return _failed(parcel, error)


def _transmit(parcel: Parcel, mail: Mail, transport: Transport) -> Outcome:
    attempts = parcel.message.attempts + 1
    try:
        # Before it leaves: once it is out, nothing may fail any more.
        content_hash = mail.digest()
        if mail.backend is None:
            transport.send(mail.content)
        else:
            own = open_transport(mail.backend)
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
        return replace(outcome, values={**outcome.values, "due_at": clock.now() + _OWN_SERVER_PAUSE})
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
            "sent_at": clock.now(),
            "last_error": "",
            "content_hash": content_hash,
        },
    )


def _failed(parcel: Parcel, error: Exception) -> Outcome:
    attempts = parcel.message.attempts + 1
    values = {"attempts": attempts, "last_error": describe(error)}
    pause = None if isinstance(error, _PERMANENT) else parcel.email_class.retry.pause(attempts)
    if pause is not None:
        return Outcome(status=MessageStatus.OPEN, values={**values, "due_at": clock.now() + pause})
    return Outcome(
        status=MessageStatus.FAILED,
        values=values,
        skip_reason=SkipReason.INVALID_ADDRESS if isinstance(error, InvalidAddress) else "",
    )


def _uncertain(parcel: Parcel, error: Uncertain) -> Outcome:
    now = clock.now()
    values: dict[str, Any] = {
        "attempts": parcel.message.attempts + 1,
        "last_error": describe(error),
        "uncertain_at": parcel.message.uncertain_at or now,
    }
    pause = parcel.email_class.retry.pause(values["attempts"])
    if conf.current().UNCERTAIN_POLICY == "hold" or pause is None:
        return Outcome(status=MessageStatus.HELD, values=values)
    return Outcome(status=MessageStatus.UNCERTAIN, values={**values, "due_at": now + pause})


def _given_back(parcel: Parcel, error: NoConnection | None = None) -> Outcome:
    # No attempt is counted: the mail never left.
    values = {"last_error": describe(error)} if error else {}
    return Outcome(status=MessageStatus(parcel.message.status), values=values)


@persistent
def _write(
    batch: Claim, known: list[tuple[Parcel, Outcome]], *, leaving: Sequence[Message] = ()
) -> tuple[Counter[MessageStatus], list[Message]]:
    """
    One commit: what became of the mails before, and that others leave now.

    Returns:
        how many were settled in which status, and those that leave and are (still) ours.
    """
    connection = _ledger_connection()
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(using=connection.alias):
        if connection.vendor == "postgresql" and is_outermost:
            # Nobody waits for the disk: a database server that crashes, and it alone, may forget the last of
            # these commits, and then those mails are sent again. Of this transaction only, not the caller's.
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit TO off")
        settled = Counter(outcome.status for parcel, outcome in known if _settle(batch, parcel, outcome))
        return settled, batch.mark_sending(list(leaving))


def _settle(batch: Claim, parcel: Parcel, outcome: Outcome) -> bool:
    if not batch.settle(parcel.message, status=outcome.status, **outcome.values):
        with on_behalf_of(parcel.correlation_id):
            logger.warning("mail %s was taken over by another worker: the lease had ended", parcel.message.pk)
        return False
    if outcome.skip_reason:
        notifications = Notification.objects.using(conf.current().DATABASE)
        notifications.filter(message=parcel.message).update(skip_reason=outcome.skip_reason)
    elif parcel.review.withdrawn and outcome.status == MessageStatus.SENT:
        consent.write_down(parcel.review.withdrawn)
    return True


def _ledger_connection() -> BaseDatabaseWrapper:
    return connections[conf.current().DATABASE]
