"""The criteria of the questions: what each is asked about, and when a mail meets it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import TYPE_CHECKING, Any, TypedDict

from django.contrib.auth import get_user_model
from django.db.models import Model
from django.utils.functional import Promise

from notifyaudit.addresses import plain
from notifyaudit.htmltext import html_to_text
from notifyaudit.identity import id_of, type_of
from notifyaudit.models import AuditEvent, Reason
from notifyaudit.patterns import matches
from notifyaudit.testing.links import leads_to

if TYPE_CHECKING:
    from notifyaudit.testing.outgoing import OutgoingEmail


class LedgerCriteria(TypedDict, total=False):
    """What can be asked of a mail before it is rendered. Each is a value or a predicate."""

    to: Any
    event: Any
    action: Any
    target: Any
    reason: Any
    due: Any


class Criteria(LedgerCriteria, total=False):
    """What can be asked of a mail that was sent. Each is a value, a compiled pattern, or a predicate."""

    subject: Any
    text: Any
    html: Any
    selector: Any
    link: Any
    header: Any
    attachment: Any
    language: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """
    Args:
        takes: what a plain value of it is, in words.
        is_value: whether this is such a value.
        facts: what a predicate is asked about; one of them is enough.
        texts: what a pattern is searched in, likewise; ``None`` if it takes no pattern.
        equals: whether a mail meets a plain value.
    """

    takes: str
    is_value: Callable[[Any], bool]
    facts: Callable[[Any], Iterable[Any]]
    texts: Callable[[Any], Iterable[str]] | None = None
    equals: Callable[[Any, Any], bool]

    def meets(self, email: Any, wanted: Any) -> bool:
        """Whether this mail is meant."""
        if isinstance(wanted, re.Pattern):
            return self.texts is not None and any(wanted.search(text) for text in self.texts(email))
        if is_predicate(wanted):
            return any(wanted(fact) for fact in self.facts(email))
        return self.equals(email, str(wanted) if isinstance(wanted, Promise) else wanted)


def is_predicate(wanted: Any) -> bool:
    """Whether this is to be called, rather than compared."""
    return callable(wanted) and not isinstance(wanted, type | Promise | Model)


def folded(text: str) -> str:
    """The text with each run of white space as one blank, as a reader sees it."""
    return re.sub(r"\s+", " ", text).strip()


def readable_html(email: Any) -> str:
    """What is read in the HTML part, and its source with the entities resolved."""
    return folded(f"{html_to_text(email.html_source)} {unescape(email.html_source)}")


def has_text(text: str, wanted: Any) -> bool:
    """Whether a text has this in it, however it is wrapped, or matches the pattern or predicate."""
    if isinstance(wanted, re.Pattern):
        return bool(wanted.search(text))
    return bool(wanted(text)) if is_predicate(wanted) else folded(str(wanted)) in folded(text)


def value_meets(actual: str, wanted: Any) -> bool:
    """Whether a line of text is this one, matches this pattern, or satisfies this predicate."""
    if isinstance(wanted, re.Pattern):
        return bool(wanted.search(actual))
    return bool(wanted(actual)) if is_predicate(wanted) else actual == str(wanted)


def _is_text(wanted: Any) -> bool:
    return isinstance(wanted, str | Promise)


def _is_pair(wanted: Any) -> bool:
    is_pair = isinstance(wanted, tuple | list) and len(wanted) == 2  # noqa: PLR2004
    return isinstance(wanted, str) or (is_pair and isinstance(wanted[0], str))


def _to_equals(email: "OutgoingEmail", wanted: Any) -> bool:
    if isinstance(wanted, Model):
        # By the key: the user may be gone by now.
        return bool(email.notifications[-1].recipient_id == id_of(wanted))
    return plain(wanted).casefold() in (plain(address).casefold() for address in email.to)


def _target_equals(email: "OutgoingEmail", wanted: Model) -> bool:
    name = type_of(wanted), id_of(wanted)
    return any((event.target_type, event.target_id) == name for event in email.events)


def _selector_equals(email: Any, wanted: Any) -> bool:
    selector, *texts = (wanted,) if isinstance(wanted, str) else wanted
    found = [folded(element.get_text()) for element in email.html.select(selector)]
    return bool(found) and all(any(has_text(text, wanted) for text in found) for wanted in texts)


def _header_equals(email: Any, wanted: Mapping[str, Any]) -> bool:
    headers = {name.lower(): value for name, value in email.headers.items()}
    return all(
        name.lower() in headers and value_meets(headers[name.lower()], value)
        for name, value in wanted.items()
    )


def _attachment_equals(email: Any, wanted: Any) -> bool:
    name, *kind = (wanted,) if isinstance(wanted, str) else wanted
    return any(
        file.filename == name and file.mimetype in (kind or [file.mimetype]) for file in email.attachments
    )


CRITERIA: dict[str, Criterion] = {
    "to": Criterion(
        takes="a user or an address",
        is_value=lambda wanted: isinstance(wanted, get_user_model()) or _is_text(wanted),
        facts=lambda email: [email.recipient or email.address],
        texts=lambda email: email.to,
        equals=_to_equals,
    ),
    "event": Criterion(
        takes="an AuditEvent",
        is_value=lambda wanted: isinstance(wanted, AuditEvent),
        facts=lambda email: email.events,
        equals=lambda email, wanted: wanted in email.events,
    ),
    "action": Criterion(
        takes="an action, or a pattern like 'inspection.*'",
        is_value=_is_text,
        facts=lambda email: (event.action for event in email.events),
        texts=lambda email: (event.action for event in email.events),
        equals=lambda email, wanted: any(matches(event.action, wanted) for event in email.events),
    ),
    "target": Criterion(
        takes="a model instance",
        is_value=lambda wanted: isinstance(wanted, Model),
        facts=lambda email: (event.target for event in email.events),
        equals=_target_equals,
    ),
    "reason": Criterion(
        takes=f"a Reason ({', '.join(Reason.values)})",
        is_value=lambda wanted: wanted in Reason.values,
        facts=lambda email: [email.reason],
        equals=lambda email, wanted: email.reason == wanted,
    ),
    "due": Criterion(
        takes="a datetime",
        is_value=lambda wanted: isinstance(wanted, datetime),
        facts=lambda email: [email.due_at],
        equals=lambda email, wanted: email.due_at == wanted,
    ),
    "subject": Criterion(
        takes="a text",
        is_value=lambda _: True,
        facts=lambda email: [email.subject],
        texts=lambda email: [email.subject],
        equals=lambda email, wanted: value_meets(email.subject, wanted),
    ),
    "text": Criterion(
        takes="a text",
        is_value=lambda _: True,
        facts=lambda email: [email.text],
        texts=lambda email: [email.text],
        equals=lambda email, wanted: has_text(email.text, wanted),
    ),
    "html": Criterion(
        takes="a text",
        is_value=lambda _: True,
        facts=lambda email: [email.html],
        texts=lambda email: [html_to_text(email.html_source), email.html_source],
        equals=lambda email, wanted: folded(str(wanted)) in readable_html(email),
    ),
    "selector": Criterion(
        takes="a CSS selector, or a pair of one and a text",
        is_value=_is_pair,
        facts=lambda email: [email.html],
        equals=_selector_equals,
    ),
    "link": Criterion(
        takes="a URL or a path",
        is_value=_is_text,
        facts=lambda email: email.links,
        texts=lambda email: email.links,
        equals=lambda email, wanted: any(leads_to(link, wanted) for link in email.links),
    ),
    "header": Criterion(
        takes='{"Name": value}',
        is_value=lambda wanted: isinstance(wanted, Mapping) and None not in wanted.values(),
        facts=lambda email: [email.headers],
        equals=_header_equals,
    ),
    "attachment": Criterion(
        takes="a file name, or a pair of one and a type",
        is_value=_is_pair,
        facts=lambda email: email.attachments,
        texts=lambda email: (file.filename for file in email.attachments),
        equals=_attachment_equals,
    ),
    "language": Criterion(
        takes="the code of a language",
        is_value=_is_text,
        facts=lambda email: [email.language],
        texts=lambda email: [email.language],
        equals=lambda email, wanted: email.language.casefold() == wanted.casefold(),
    ),
}
