"""A mail as it would leave, taken apart: what a mail program shows of it, and what it is made of."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage as Parsed
from typing import Any

from django.core.mail import EmailMessage

from notifyaudit import compat, screening
from notifyaudit.emails import AuditEmail
from notifyaudit.headers import overridden
from notifyaudit.models.message import new_message_id
from notifyaudit.parts import content_of, images_of

SOURCE_LENGTH = 200_000
"""So many characters of a mail's source are shown; what is longer is its attachments."""

_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(?P<scheme>light|dark)\s*\)", re.IGNORECASE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_CID = re.compile(r"""(?<=["'(])cid:(?P<id>[^"')\s]+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An attachment; ``size`` in bytes is ``None`` where it is made only when the mail is sent."""

    name: str
    kind: str
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """
    Args:
        headers: the names and values, in the order in which they leave.
        bcc: who gets a copy of which no header tells.
        html: as it is sent, with the images that it brings in the place of their ``cid:``.
        text: the other part.
        source: the mail as it goes over the wire (RFC 5322), as text.
        omitted: so many characters of it are left out.
        files: what is attached.
    """

    headers: list[tuple[str, str]]
    bcc: list[str]
    html: str
    text: str
    source: str
    omitted: int
    files: list[File]

    @property
    def subject(self) -> str:
        """What the mail is called."""
        return self.header("Subject")

    def header(self, name: str) -> str:
        """The value of the header of this name; empty if there is none."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), "")


def in_language(email: AuditEmail, language: str) -> None:
    """Let a mail be written in this language, whatever its reader's is."""
    email.get_translation = lambda: language  # type: ignore[method-assign]


def built(email: AuditEmail) -> EmailMessage:
    """
    The mail, finished as one that leaves is.

    Raises:
        Exception: whatever the email class raises.
    """
    content = email.build()
    content.extra_headers = overridden({"Message-ID": new_message_id()}, content.extra_headers)
    screening.screen(content)
    return content


def look_at(email: AuditEmail) -> Look:
    """
    The mail, with the contents of files left out that are made only when it is sent.

    Raises:
        Exception: whatever the email class raises.
    """
    with _made_later(email) as later:
        content = built(email)
    source = compat.serialise(content)
    message: Any = message_from_bytes(source, policy=policy.default)
    text = source.decode("utf-8", "replace").replace("\r\n", "\n")
    return Look(
        headers=[(name, str(value)) for name, value in message.items()],
        bcc=list(content.bcc),
        html=_with_images(_body(message, "html"), message),
        text=_body(message, "plain"),
        source=text[:SOURCE_LENGTH],
        omitted=max(len(text) - SOURCE_LENGTH, 0),
        files=[_file(part, later) for part in _attached(message)],
    )


def shown(html: str, scheme: str) -> str:
    """
    The HTML as a mail program shows it in the ``"light"`` or ``"dark"`` scheme, whatever that of the browser
    is. Its links open beside the page.
    """

    def decided(query: re.Match[str]) -> str:
        # Which is true of every screen, or of none.
        return "(min-width: 0)" if query["scheme"].lower() == scheme else "(max-width: 0)"

    html = _SCHEME.sub(decided, html)
    base = '<base target="_blank">'
    return _HEAD.sub(lambda head: head[0] + base, html, count=1) if _HEAD.search(html) else base + html


@contextmanager
def _made_later(email: AuditEmail) -> Iterator[set[str]]:
    """The names of the attachments whose content is a callable, which are empty inside the block."""
    names: set[str] = set()
    original = email.get_attachments

    def without_content() -> list[Any]:
        return [_emptied(attachment, names) for attachment in original()]

    email.get_attachments = without_content  # type: ignore[method-assign]
    try:
        yield names
    finally:
        del email.get_attachments


def _emptied(attachment: Any, names: set[str]) -> Any:
    # What the HTML shows is looked at, and so is made.
    if not isinstance(attachment, Mapping) or attachment.get("cid") or not callable(attachment.get("file")):
        return attachment
    names.add(str(attachment.get("filename", "")))
    return {**attachment, "file": b""}


def _body(message: Parsed, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def _attached(message: Parsed) -> Iterator[Any]:
    bodies = {id(message.get_body((kind,))) for kind in ("html", "plain")}
    for part in _leaves(message):
        is_shown = part["Content-ID"] and part.get_content_disposition() == "inline"
        if id(part) not in bodies and not is_shown:
            yield part


def _leaves(part: Any) -> Iterator[Any]:
    # Not walk(), which goes on into a mail that is attached.
    if part.get_content_maintype() != "multipart":
        yield part
        return
    for each in part.iter_parts():
        yield from _leaves(each)


def _file(part: Parsed, later: set[str]) -> File:
    name = part.get_filename() or ""
    size = None if name in later else len(content_of(part))
    return File(name=name, kind=part.get_content_type(), size=size)


def _with_images(html: str, message: Parsed) -> str:
    images = images_of(message)

    def inlined(found: re.Match[str]) -> str:
        part = images.get(found["id"])
        if part is None:
            return found[0]
        return f"data:{part.get_content_type()};base64,{b64encode(content_of(part)).decode()}"

    return _CID.sub(inlined, html) if images else html
