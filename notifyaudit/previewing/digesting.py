"""A digest to look at, of several objects."""

from typing import TYPE_CHECKING

from notifyaudit.emails import AuditEmail
from notifyaudit.models import AuditEvent, Reason
from notifyaudit.registry import emails, most_specific_first
from notifyaudit.samples import READER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from notifyaudit.digests import DigestEmail

SECTIONS = 5
"""Of so many kinds of email the samples are told."""


def digest_of_samples(digest_class: "type[DigestEmail]") -> "DigestEmail | None":
    """Of the previews of some email classes that this digest collects; ``None`` if none has one."""
    events: list[AuditEvent] = []
    told_by: dict[int, str] = {}
    about: set[tuple[str, str]] = set()
    for email_class in sorted(collected_by(digest_class), key=lambda each: each.key):
        email = _preview(email_class)
        if email is None or not email.events or len(about) == SECTIONS:
            continue
        for event in email.events:
            # The ledger has not numbered them.
            event.pk = len(events) + 1
            told_by[event.pk] = email_class.key
            events.append(event)
            about.add((event.target_type, event.target_id))
    return _made(digest_class, events, told_by) if events else None


def digest_of_events(digest_class: "type[DigestEmail]", events: "Iterable[AuditEvent]") -> "DigestEmail":
    """Of what really happened, told by the classes that would tell a reader who watches all of it."""
    oldest_first = sorted(events, key=lambda event: event.pk)
    collected, told_by = collected_by(digest_class), {}
    for event in oldest_first:
        speaking = [each for each in emails.for_action(event.action) if each in collected]
        told_by[event.pk] = most_specific_first(speaking, event.action)[0].key if speaking else ""
    return _made(digest_class, oldest_first, told_by)


def collected_by(digest_class: type[AuditEmail]) -> list[type[AuditEmail]]:
    """The email classes whose events a digest takes up."""
    return [
        each
        for each in emails
        if each.digest_class is digest_class and not each.mandatory and not each.collects
    ]


def _preview(email_class: type[AuditEmail]) -> AuditEmail | None:
    try:
        email = email_class.preview()
    except Exception:  # noqa: BLE001 - a project's own code; the class's own page tells of it
        return None
    return email if isinstance(email, AuditEmail) else None


def _made(
    digest_class: "type[DigestEmail]", events: list[AuditEvent], told_by: dict[int, str]
) -> "DigestEmail":
    email = digest_class(recipient_email_list=[READER])
    email.event, email.events = events[-1], tuple(events)
    email.told_by, email.reason = told_by, Reason.SUBSCRIBED
    return email
