"""The mail that is looked at: as its class makes one up, or about what really happened."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from notifyaudit import conf
from notifyaudit.actions import known
from notifyaudit.digests import DigestEmail
from notifyaudit.emails import AuditEmail
from notifyaudit.identity import resolve
from notifyaudit.models import AuditEvent, Reason
from notifyaudit.models.event import look_up_together
from notifyaudit.patterns import matches
from notifyaudit.preferring import preference_of
from notifyaudit.previewing.digesting import collected_by, digest_of_events, digest_of_samples
from notifyaudit.previewing.faults import NoPreview
from notifyaudit.recipients import Recipient, in_chunks
from notifyaudit.samples import READER

if TYPE_CHECKING:
    from collections.abc import Iterable

SAMPLE, LATEST = "sample", "latest"
"""What can be asked for beside the key of an event."""

SHOWN = 15
"""So many of the newest events are offered, and looked through for a digest."""

LOOKED_THROUGH = 100_000
"""The events of one action may lie far apart; those before so many newer ones are found by their key only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    Args:
        email: the mail.
        choice: what it is about: ``SAMPLE``, ``LATEST`` or the key of an event.
        declined: whether ``should_send()`` would keep it back, were it to leave now.
    """

    email: AuditEmail
    choice: str
    declined: bool = False


def find(email_class: type[AuditEmail], choice: str, *, viewer: Any) -> Found:
    """
    Args:
        email_class: what kind of mail.
        choice: ``SAMPLE``, ``LATEST`` or the key of an event; empty: whichever there is, in this order.
        viewer: who looks; they stand for the reader where nobody else does. ``None``: nobody is signed in.

    Raises:
        NoPreview: if there is none.
        Exception: whatever the class raises.
    """
    if choice not in {"", SAMPLE, LATEST}:
        return _about(email_class, [_event(email_class, choice)], choice, viewer)
    if choice != LATEST:
        email = sample_of(email_class)
        if email is not None:
            return Found(email=email, choice=SAMPLE)
        if choice == SAMPLE:
            raise NoPreview("It has no preview. Write preview(), which returns cls.sample(target=…, …).")
    events = list(events_for(email_class)[:SHOWN])
    if not events:
        raise NoPreview(
            "It has no preview, and nothing that it would tell of has happened yet. Write preview(), which "
            "returns cls.sample(target=…, …)."
        )
    return _about(email_class, events if email_class.collects else events[:1], LATEST, viewer)


def sample_of(email_class: type[AuditEmail]) -> AuditEmail | None:
    """
    What ``preview()`` makes; of a digest that has no preview of its own, one of those that it collects.

    Raises:
        NoPreview: if that is no mail.
        Exception: whatever ``preview()`` raises.
    """
    own: Any = getattr(email_class.preview, "__func__", None)
    if own is DigestEmail.preview.__func__ and issubclass(email_class, DigestEmail):  # type: ignore[attr-defined]
        digest = digest_of_samples(email_class)
        if digest is not None:
            return digest
    email: Any = email_class.preview()
    if email is not None and not isinstance(email, AuditEmail):
        raise NoPreview(f"preview() returned {email!r}. Let it return cls.sample(target=…, …).")
    return email


def events_for(email_class: type[AuditEmail]) -> QuerySet[AuditEvent]:
    """The newest events that a class speaks of, the newest first; of a digest those that it would collect."""
    events = AuditEvent.objects.using(conf.current().DATABASE).order_by("-pk")
    newest = events.values_list("pk", flat=True).first() or 0
    return events.filter(action__in=_actions_of(email_class), pk__gt=newest - LOOKED_THROUGH)


def _actions_of(email_class: type[AuditEmail]) -> list[str]:
    patterns: Iterable[str] = email_class.actions
    if email_class.collects:
        patterns = [action for each in collected_by(email_class) for action in each.actions]
    patterns = list(map(str, patterns))
    return [value for value in known.values() if any(matches(value, pattern) for pattern in patterns)]


def _event(email_class: type[AuditEmail], choice: str) -> AuditEvent:
    events = AuditEvent.objects.using(conf.current().DATABASE)
    event = events.filter(pk=int(choice)).first() if choice.isdecimal() and len(choice) < 19 else None  # noqa: PLR2004
    if event is None:
        raise NoPreview(f"There is no event {choice!r}.")
    if event.action not in _actions_of(email_class):
        raise NoPreview(f"The event {choice} is about {event.action!r}, of which this class does not speak.")
    return event


def _about(email_class: type[AuditEmail], events: list[AuditEvent], choice: str, viewer: Any) -> Found:
    look_up_together(events)
    if issubclass(email_class, DigestEmail):
        email: AuditEmail = digest_of_events(email_class, events)
        reader = viewer
    else:
        email = email_class(recipient_email_list=[READER])
        email.event, email.events, email.reason = events[0], (events[0],), Reason.NAMED
        reader = _first_reader(email_class, events[0]) or viewer
    _address(email, reader)
    return Found(email=email, choice=choice, declined=not email.should_send())


def _first_reader(email_class: type[AuditEmail], event: AuditEvent) -> Any:
    named: Any = email_class.get_recipients(event)
    if named is None:
        return None
    first = next((recipient for chunk in in_chunks(named, 1) for recipient in chunk), None)
    if first is None or not first.user_id:
        return first.address if first else None
    return resolve(conf.user_model(), first.user_id, conf.current().DATABASE)


def _address(email: AuditEmail, reader: Any) -> None:
    """Let it be for this reader: in their language, by their clock, and with what they may see."""
    if reader is None:
        return
    email.preference = preference_of(Recipient.of(reader))
    if isinstance(reader, str):
        email.recipient_email_list = [reader]
        return
    email.recipient = reader
    email.recipient_email_list = [getattr(reader, reader.get_email_field_name()) or READER]
