"""From a message of the ledger to the mail itself, with everything decided again that may have changed."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from notifyaudit import addresses, clock, conf, screening, staging
from notifyaudit.consent import Review, Told, recipient_of, review
from notifyaudit.digests import DigestEmail
from notifyaudit.emails import AuditEmail
from notifyaudit.frequency import Frequency
from notifyaudit.headers import overridden
from notifyaudit.models import AuditEvent, Message, Notification, Preference, Reason, SkipReason
from notifyaudit.models.event import look_up_together
from notifyaudit.preferring import ensure_rows, needs_row, preferences_of
from notifyaudit.reading import users_of
from notifyaudit.registry import emails


class Declined(Exception):
    """This mail is not to leave."""

    def __init__(self, skip_reason: SkipReason) -> None:
        self.skip_reason = skip_reason
        super().__init__(str(skip_reason.label))


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message with what the ledger and the user table know for it; ``told`` without what is withdrawn."""

    message: Message
    told: Sequence[Told]
    review: Review
    reason: Reason
    user: Any
    preference: Preference

    @property
    def events(self) -> list[AuditEvent]:
        """Those that the mail tells of, oldest first; one that two kinds of email told of is there once."""
        return list({each.event.pk: each.event for each in self.told}.values())

    @property
    def correlation_id(self) -> str:
        """That of the newest event."""
        return self.told[-1].event.correlation_id if self.told else ""

    @property
    def email_class(self) -> type[AuditEmail]:
        """The class of its kind. Only messages of known kinds are claimed."""
        email_class = emails.get(self.message.email_key)
        if email_class is None:
            raise LookupError(f"no email class has the key {self.message.email_key!r}")
        return email_class


@dataclass(frozen=True, slots=True)
class Mail:
    """A finished mail, and the backend it asked for (``None``: the project's default)."""

    content: EmailMultiAlternatives
    backend: BaseEmailBackend | None

    def digest(self) -> str:
        """The SHA-256 of subject and bodies, in hexadecimal."""
        # An overridden build() may return a message without alternatives.
        alternatives = getattr(self.content, "alternatives", ())
        parts = [self.content.subject, self.content.body, *(alternative[0] for alternative in alternatives)]
        return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def parcels_of(messages: Sequence[Message]) -> list[Parcel]:
    """The parcels of a batch, in its order, in a few queries for all. Events are shared among them."""
    alias = conf.current().DATABASE
    rows = (
        Notification.objects.using(alias)
        .filter(message__in=[message.pk for message in messages])
        .order_by("event_id", "pk")
        .values_list("message_id", "pk", "event_id", "email_key", "reason")
    )
    events = AuditEvent.objects.using(alias).in_bulk({event_id for _, _, event_id, *_ in rows})
    look_up_together(events.values())
    told: dict[int, list[Told]] = defaultdict(list)
    for message_id, pk, event_id, email_key, reason in rows:
        if event_id in events:
            told[message_id].append(Told(pk, events[event_id], email_key, reason))
    reviews = review(messages, told)
    preferences = _preferences_of(messages)
    users = users_of({message.recipient_id for message in messages})
    return [
        Parcel(
            message=message,
            told=[
                each for each in told[message.pk] if each.notification_id not in reviews[message.pk].withdrawn
            ],
            review=reviews[message.pk],
            reason=_known_reason(each.reason for each in told[message.pk]),
            user=users.get(message.recipient_id),
            preference=preferences.get(message.recipient_key) or Preference(),
        )
        for message in messages
    ]


def _preferences_of(messages: Iterable[Message]) -> Mapping[str, Preference]:
    recipients = {each.recipient_key: recipient_of(each) for each in messages}
    found = preferences_of(recipients.values())
    new = [each for key, each in recipients.items() if needs_row(each) and key not in found]
    if new:
        ensure_rows(new)
        found = {**found, **preferences_of(new)}
    return found


def _known_reason(reasons: Iterable[str]) -> Reason:
    # Newer code, beside which this worker runs in a rolling deploy, may know further ones.
    return next((Reason(reason) for reason in reasons if reason in Reason.values), Reason.NAMED)


def prepare(parcel: Parcel) -> Mail:
    """
    Check the recipient as of now, ask the email class for its last word, and render.

    Raises:
        Declined: if the mail is not to leave.
        InvalidAddress: if no mail can be sent to the recipient.
        InvalidHeader: if no mail can carry a header that the email class gave it.
        Exception: whatever the email class raises.
    """
    message = parcel.message
    if parcel.review.error is not None:
        raise parcel.review.error
    if parcel.review.withdrawn and not parcel.told:
        raise Declined(next(iter(parcel.review.withdrawn.values())))
    if _is_expired(parcel):
        raise Declined(SkipReason.EXPIRED)
    email = parcel.email_class.for_message(
        message,
        events=parcel.events,
        recipient=parcel.user,
        address=_address(parcel),
        reason=parcel.reason,
    )
    email.preference, email.watched = parcel.preference, parcel.review.watched
    if isinstance(email, DigestEmail):
        email.frequency = Frequency(message.frequency)
        email.told_by = {each.event.pk: each.email_key for each in parcel.told}
    # A hook that activates a reader's time zone must not set that of the next one.
    with timezone.override(timezone.get_current_timezone()):
        if len(email.events) > 1 and not email.sections:
            raise Declined(SkipReason.UNCHANGED)
        if not email.should_send():
            raise Declined(email.declined_because)
        content = email.build()
        # By this the ledger knows it, also where an application builds its mails by itself.
        content.extra_headers = overridden(content.extra_headers, {"Message-ID": message.message_id})
        staging.confine(content)
        screening.screen(content)
        return Mail(content, email.get_connection())


def _address(parcel: Parcel) -> str:
    address = parcel.message.address
    if parcel.message.recipient_id:
        if parcel.user is None:
            raise Declined(SkipReason.DELETED)
        if not parcel.user.is_active:
            raise Declined(SkipReason.INACTIVE)
        address = getattr(parcel.user, parcel.user.get_email_field_name()) or ""
        if not address:
            raise Declined(SkipReason.NO_ADDRESS)
    addresses.check(address)
    if not staging.is_allowed(address):
        raise Declined(SkipReason.NOT_ALLOWED)
    return address


def _is_expired(parcel: Parcel) -> bool:
    expires = parcel.email_class.expires
    return expires is not None and all(event.recorded_at + expires <= clock.now() for event in parcel.events)
