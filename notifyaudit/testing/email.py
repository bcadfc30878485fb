"""One mail that the pipeline sent in a test, with what can be asserted about it."""

import html as html_entities
import re
from html.parser import HTMLParser
from typing import Any, NoReturn
from urllib.parse import urlsplit

from django.core.mail import EmailMultiAlternatives

from notifyaudit.emails import AuditEmail
from notifyaudit.htmltext import html_to_text
from notifyaudit.models import AuditEvent, Message, Reason


class SentEmail:
    """
    A mail as the mail server would have got it, and the ledger's row of it.

    Attributes:
        content: Django's message object.
        message: the ledger's row.
        email_class: the class that made it.
    """

    def __init__(
        self, content: EmailMultiAlternatives, message: Message, email_class: type[AuditEmail]
    ) -> None:
        self.content = content
        self.message = message
        self.email_class = email_class

    def __repr__(self) -> str:
        return f"<{self.email_class.__name__} to {', '.join(self.to)}: {self.subject!r}>"

    @property
    def subject(self) -> str:
        """The subject line."""
        return str(self.content.subject)

    @property
    def text(self) -> str:
        """The plain text part."""
        return str(self.content.body)

    @property
    def html(self) -> str:
        """The HTML part; empty if there is none."""
        return next((str(content) for content, kind in self.content.alternatives if kind == "text/html"), "")

    @property
    def to(self) -> list[str]:
        """The addresses in the To header."""
        return list(self.content.to)

    @property
    def headers(self) -> dict[str, str]:
        """The headers beyond subject, sender and recipients."""
        return dict(self.content.extra_headers)

    @property
    def event(self) -> AuditEvent:
        """The newest event that the mail is about."""
        return self.message.notifications.latest("event_id").event

    @property
    def recipient(self) -> Any:
        """The user; ``None`` for a plain address."""
        return self.message.recipient

    @property
    def reason(self) -> Reason:
        """Why the recipient is told."""
        return Reason(self.message.notifications.latest("event_id").reason)

    @property
    def links(self) -> list[str]:
        """Where the links of the HTML part lead, in order."""
        collector = _Links()
        collector.feed(self.html)
        return collector.found

    def assert_subject(self, expected: str) -> None:
        """The subject is exactly this."""
        __tracebackhide__ = True
        if self.subject != expected:
            self._fail(f"the subject is not {expected!r}\n  expected: {expected}\n  but is:   {self.subject}")

    def assert_contains(self, *expected: str) -> None:
        """Each of these stands in the text part and in the HTML part, however it is wrapped or escaped."""
        __tracebackhide__ = True
        for needle in expected:
            missing = [name for name, content in self._parts() if _folded(needle) not in content]
            if missing:
                self._fail(f"{needle!r} is not in its {' and '.join(missing)} part", show_text=True)

    def assert_not_contains(self, *unwanted: str) -> None:
        """None of these stands in the subject, the text part or anywhere in the HTML."""
        __tracebackhide__ = True
        parts = [*self._parts(), ("html source", _folded(self.html)), ("subject", _folded(self.subject))]
        for needle in unwanted:
            for name, content in parts:
                if _folded(needle) in content:
                    self._fail(f"{needle!r} is in its {name}", show_text=True)

    def assert_link(self, expected: str) -> None:
        """The HTML links to this URL, or, given a path (``"/inspections/7/"``), to that path of any host."""
        __tracebackhide__ = True
        for link in self.links:
            parts = urlsplit(link)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            if expected == link or (expected.startswith("/") and expected == path and parts.netloc):
                return
        found = "\n".join(f"  {link}" for link in self.links) or "  (no links)"
        self._fail(f"it has no link to {expected}; it links to\n{found}")

    def assert_header(self, name: str, expected: str) -> None:
        """The header has exactly this value."""
        __tracebackhide__ = True
        headers = {key.lower(): value for key, value in self.headers.items()}
        actual = headers.get(name.lower())
        if actual != expected:
            self._fail(f"its header {name} is {actual!r}, not {expected!r}")

    def _parts(self) -> list[tuple[str, str]]:
        readable = _folded(f"{html_to_text(self.html)} {html_entities.unescape(self.html)}")
        return [("text", _folded(self.text)), ("html", readable)]

    def _fail(self, problem: str, *, show_text: bool = False) -> NoReturn:
        __tracebackhide__ = True
        text = "\n\n" + "\n".join(f"  | {line}" for line in self.text.splitlines()) if show_text else ""
        raise AssertionError(f"{self.email_class.__name__} to {', '.join(self.to)}: {problem}{text}")


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.found.append(href)


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
