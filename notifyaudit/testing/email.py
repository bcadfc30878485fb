"""A mail that was sent in a test, with what can be asserted about it."""

import re
from collections.abc import Mapping, Sequence
from email import policy
from email.message import EmailMessage as ParsedMessage
from email.parser import BytesParser
from functools import cached_property, partial
from typing import Any, NoReturn
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from django.test import Client
from django.utils.functional import Promise

from notifyaudit import conf
from notifyaudit.htmltext import html_to_text
from notifyaudit.testing.attachments import Attachment, attachments_of, images_of
from notifyaudit.testing.criteria import folded, has_text, is_predicate, readable_html, value_meets
from notifyaudit.testing.introspection import Part, difference, quoted, visible
from notifyaudit.testing.links import has_page, is_on_site, leads_to, links_of, path_on_site
from notifyaudit.testing.outgoing import OutgoingEmail
from notifyaudit.testing.server import Accepted
from notifyaudit.testing.snapshots import snapshot_of
from notifyaudit.testing.wanted import check_selector, named, shown

__unittest = True  # as in the module of the questions


class SentEmail(OutgoingEmail):
    """
    A mail that the mail server has taken.

    Attributes:
        content: Django's message object.
        source: the bytes that came over the wire.
    """

    def __init__(self, accepted: Accepted, of_ledger: OutgoingEmail) -> None:
        super().__init__(of_ledger.message, of_ledger.email_class, of_ledger.notifications)
        self.content = accepted.content
        self.source = accepted.data

    def __repr__(self) -> str:
        return f"<{self._name}: {str(self.subject)!r}>"

    @property
    def subject(self) -> str:
        """The subject line."""
        return self._part("subject", str(self.content.subject))

    @property
    def text(self) -> str:
        """The plain text part."""
        return self._part("text", str(self.content.body))

    @property
    def html_source(self) -> str:
        """The HTML part as it was sent; empty if there is none."""
        # What an overridden build() returns may have no alternatives.
        alternatives = getattr(self.content, "alternatives", ())
        sources = (str(body) for body, kind in alternatives if kind == "text/html")
        return self._part("html", next(sources, ""))

    @cached_property
    def html(self) -> BeautifulSoup:
        """The HTML part, parsed: ``email.html.select_one("a.button")["href"]``."""
        return BeautifulSoup(self.html_source, "html.parser")

    @property
    def to(self) -> list[str]:
        """The addresses in the To header."""
        return list(self.content.to)

    @cached_property
    def mime(self) -> ParsedMessage:
        """The mail as a mail program parses it."""
        return BytesParser(policy=policy.default).parsebytes(self.source)

    @cached_property
    def headers(self) -> dict[str, str]:
        """All headers, decoded: ``{"From": "…", "Subject": "…", "References": "…"}``."""
        return {name: str(value) for name, value in self.mime.items()}

    @property
    def language(self) -> str:
        """The language in which it was rendered, of its header ``Content-Language``."""
        given = {name.lower(): value for name, value in self.content.extra_headers.items()}
        return str(given.get("content-language", ""))

    @cached_property
    def attachments(self) -> list[Attachment]:
        """The files that come with it, less those that its HTML shows."""
        return attachments_of(self.mime)

    @cached_property
    def images(self) -> dict[str, Attachment]:
        """The files that its HTML shows, by their cid."""
        return images_of(self.mime)

    @property
    def links(self) -> list[str]:
        """Where the links of the HTML part lead, in order."""
        return links_of(self.html_source)

    def follow(self, link: Any, *, client: Client | None = None) -> Any:
        """
        Open a link of the mail with Django's test client, as the reader does with a click.

        Args:
            link: as in :meth:`assert_link`.
            client: who clicks; by default the recipient, signed in.

        Returns:
            the page that the reader ends on, after redirects.
        """
        __tracebackhide__ = True
        url = self._link(link)
        path = path_on_site(url) if is_on_site(url) else None
        if path is None:
            self._fail(f"{url} is not below BASE_URL, {conf.base_url()}: it cannot be followed")
        if client is None:
            client = Client()
            if self.recipient is not None:
                client.force_login(self.recipient)
        return client.get(path, secure=url.startswith("https:"), follow=True)

    def snapshot(self, replace: Mapping[str | re.Pattern[str], str] | None = None) -> str:
        """
        The mail as text that is the same in each run: ids and tokens in URLs, UUIDs and moments of the run
        have placeholders. For syrupy, inline-snapshot and the like.

        Args:
            replace: further patterns, and what stands for what matches them.
        """
        return snapshot_of(self, replace)

    def assert_subject(self, expected: Any) -> None:
        """The subject is exactly this; or matches this pattern, or satisfies this predicate."""
        __tracebackhide__ = True
        self._require_value("subject", self.subject, expected)

    def assert_contains(self, *expected: Any) -> None:
        """
        Each of these stands in the text part and in the HTML part, however it is wrapped or escaped; or
        matches in both, or is satisfied by both.
        """
        __tracebackhide__ = True
        parts = {"text": folded(self.text), "html": readable_html(self)}
        for needle in _needles("assert_contains", expected):
            missing = [name for name, content in parts.items() if not has_text(content, needle)]
            if missing:
                read = self.text if "text" in missing else html_to_text(self.html_source)
                self._fail(f"{_told(needle)} is not in its {' and '.join(missing)} part", quoted(read))

    def assert_not_contains(self, *unwanted: Any) -> None:
        """None of these stands, matches or is satisfied in the subject, the text or anywhere in the HTML."""
        __tracebackhide__ = True
        parts = {
            "text part": (self.text, folded(self.text)),
            "html part": (html_to_text(self.html_source), readable_html(self)),
            "html source": (self.html_source, folded(self.html_source)),
            "subject": (self.subject, folded(self.subject)),
        }
        for needle in _needles("assert_not_contains", unwanted):
            for name, (part, content) in parts.items():
                if has_text(content, needle):
                    lines = quoted(part, partial(has_text, wanted=needle))
                    self._fail(f"{_told(needle)} is in its {name}", lines)

    def assert_selector(self, selector: str, text: Any = None) -> None:
        """
        The HTML has an element of this CSS selector; with ``text``, one that contains it (or matches the
        pattern, or satisfies the predicate).
        """
        __tracebackhide__ = True
        check_selector("assert_selector", selector)
        found = [folded(element.get_text()) for element in self.html.select(selector)]
        if not found:
            self._fail(f"its html has no element {selector}", quoted(self.html_source))
        if text is not None and not any(has_text(each, text) for each in found):
            there = [f"  {each}" for each in found]
            self._fail(f"no element {selector} of its html has the text {shown(text)}; there is", there)

    def assert_link(self, expected: Any, *, resolves: bool = True) -> None:
        """
        The HTML links to this URL, or, given a path (``"/inspections/7/"``), to that path of any host; or
        to one that matches the pattern or satisfies the predicate.

        Args:
            expected: the URL.
            resolves: if it is below ``BASE_URL`` it must lead somewhere: to a URL pattern, or a static or
                media file. ``False`` if another program serves your pages.
        """
        __tracebackhide__ = True
        url = self._link(expected)
        if resolves and is_on_site(url) and not has_page(url):
            path = path_on_site(url) or urlsplit(url).path
            hint = "resolves=False, if another program serves it"
            self._fail(f"{url} leads nowhere: no URL pattern resolves {path.partition('?')[0]} ({hint})")

    def assert_header(self, name: str, expected: Any) -> None:
        """The header has exactly this value; or matches this pattern, or satisfies this predicate."""
        __tracebackhide__ = True
        actual = {key.lower(): value for key, value in self.headers.items()}.get(name.lower())
        if actual is None:
            self._fail(f"it has no header {name}; it has {', '.join(self.headers)}")
        self._require_value(f"header {name}", actual, expected)

    def assert_attachment(self, filename: Any, mimetype: str | None = None, content: Any = None) -> None:
        """
        A file of this name comes with it, of this type, and with these bytes (or ones that match this
        pattern, or satisfy this predicate). In text, line ends do not count.
        """
        __tracebackhide__ = True
        files = [file for file in self.attachments if value_meets(file.filename, filename)]
        there = [f"  {file!r}" for file in self.attachments] or ["  (no attachments)"]
        if not files:
            self._fail(f"{shown(filename)} is not attached to it; there is", there)
        if mimetype is not None:
            files = [file for file in files if file.mimetype == mimetype]
            if not files:
                self._fail(f"{shown(filename)} is not attached to it as {mimetype}; there is", there)
        if content is not None and not any(file.has_content(content) for file in files):
            self._fail(f"{shown(filename)} has another content; there is", there)

    @property
    def _identity(self) -> object:
        # The server may have taken one message twice (RFC 1047): those are two mails.
        return id(self.content)

    def _require_value(self, name: str, actual: str, expected: Any) -> None:
        __tracebackhide__ = True
        if value_meets(str(actual), expected):
            return
        if isinstance(expected, re.Pattern):
            self._fail(f"its {name} does not match {shown(expected)}", [f"  is  {visible(actual)}"])
        if is_predicate(expected):
            self._fail(f"its {name} is not {named(expected)}", [f"  is  {visible(actual)}"])
        self._fail(f"its {name} is another", difference(str(actual), str(expected)))

    def _part(self, name: str, text: str) -> Part:
        return Part(text, name=name, of=self._name)

    def _link(self, wanted: Any) -> str:
        __tracebackhide__ = True
        found = next((link for link in self.links if _is_link(link, wanted)), None)
        if found is None:
            links = [f"  {link}" for link in self.links] or ["  (no links)"]
            self._fail(f"it has no link to {named(wanted)}; it links to", links)
        return found

    def _fail(self, problem: str, details: Sequence[str] = ()) -> NoReturn:
        __tracebackhide__ = True
        raise AssertionError("\n".join([f"{self._name}: {problem}", *details]))


def _is_link(link: str, wanted: Any) -> bool:
    return leads_to(link, str(wanted)) if isinstance(wanted, str | Promise) else value_meets(link, wanted)


def _needles(method: str, texts: Sequence[Any]) -> Sequence[Any]:
    __tracebackhide__ = True
    if not texts:
        raise TypeError(f"{method}() got nothing to look for.")
    for text in texts:
        if text is None or isinstance(text, bytes) or (isinstance(text, str) and not text.strip()):
            raise TypeError(f"{method}() takes texts, compiled patterns and predicates, not {text!r}.")
    return texts


def _told(needle: Any) -> str:
    is_text = not isinstance(needle, re.Pattern) and not is_predicate(needle)
    return repr(str(needle)) if is_text else named(needle)
