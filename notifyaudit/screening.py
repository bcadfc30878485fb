"""
What a mail may carry, whichever backend it goes to. Texts that people read are mended. Addresses and the
names of headers are not: who guesses there sends to somebody else, or adds a header that nobody meant.
"""

import re
from collections.abc import Iterable, Mapping
from email.header import Header
from email.headerregistry import Address
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.message import EmailAlternative, EmailAttachment
from django.utils.functional import Promise

from notifyaudit import compat
from notifyaudit.addresses import mailbox
from notifyaudit.exceptions import InvalidAddress, InvalidHeader
from notifyaudit.text import one_line, storable

_NAME = re.compile(r"[!-9;-~]+")
"""Printable ASCII, no space, no colon (RFC 5322, section 3.6.8)."""

_ENCODED = re.compile(r"=(\?[^?\s]+\?[bq]\?[^?\s]*\?=)", re.IGNORECASE)
"""
An encoded word (RFC 2047). Django encodes what has to be; one that is there before was typed by somebody, and
Python would read it, line ends and all.
"""

_UNFOLDED = frozenset({"list-unsubscribe", "list-id"})
"""Headers that hold an id or a URL longer than a line should be, which Python would fold, or encode."""

_LINE_LENGTH = 998

_OWN = frozenset({"subject", "bcc", "mime-version", "content-type", "content-transfer-encoding"})
"""Headers that Django writes by itself, and some of its versions a second time; or that none must write."""


def screen(content: EmailMessage) -> None:
    """
    Make a finished mail one that any server can take: in texts NUL and lone surrogates become U+FFFD, and in
    what stands on one line (subject, names, headers) control characters and line ends become a space, and
    what looks like an encoded word none any more.

    Raises:
        InvalidHeader: if From, To, Cc, Bcc or Reply-To is not one mailbox each, or a header cannot be called
            so, is there twice or is not the application's to set.
    """
    content.subject = _line(content.subject)
    content.body = _text(content.body)
    content.from_email = _mailbox("From", content.from_email)
    content.to, content.cc = _mailboxes("To", content.to), _mailboxes("Cc", content.cc)
    content.bcc, content.reply_to = _mailboxes("Bcc", content.bcc), _mailboxes("Reply-To", content.reply_to)
    content.extra_headers = _headers(content.extra_headers)
    content.attachments = [_attachment(each) for each in content.attachments]
    if hasattr(content, "alternatives"):  # an overridden build() may return a message without any
        content.alternatives = [EmailAlternative(_text(part), kind) for part, kind in content.alternatives]


def _line(value: Any) -> str:
    return _ENCODED.sub(r"= \1", one_line(str(value)))


def _text(value: Any) -> Any:
    return storable(str(value)) if isinstance(value, str | Promise) else value


def _mailboxes(name: str, addresses: Iterable[str]) -> list[str]:
    return [_mailbox(name, address) for address in addresses if address]


def _mailbox(name: str, address: str) -> str:
    # Only the name is mended: another character in the address would be somebody else's.
    called, bracket, rest = str(address).strip().rpartition("<")
    try:
        found = mailbox(one_line(called) + bracket + rest)
    except InvalidAddress:
        raise InvalidHeader(name, f"{address!r} is not one mailbox, 'Name <local@domain>'") from None
    # Once more, since it may have stood there in code (RFC 2047).
    return str(Address(_line(found.display_name), username=found.username, domain=found.domain))


def _headers(headers: Mapping[str, Any]) -> dict[str, str]:
    names: set[str] = set()
    for name in headers:
        if not _NAME.fullmatch(name):
            raise InvalidHeader(name, "a name is printable ASCII without spaces and colons")
        if name.lower() in _OWN:
            raise InvalidHeader(name, "it is not set by get_headers() but by the mail's own attributes")
        if name.lower() in names:
            raise InvalidHeader(name, "it is there twice; names know no case")
        names.add(name.lower())
    return {name: _value(name, _line(value)) for name, value in headers.items()}


def _value(name: str, value: str) -> str:
    # What programs act on must be there as it is, in one line. With a line that is too long for any server
    # (RFC 5322, section 2.1.1) it is better to be folded.
    if name.lower() not in _UNFOLDED or len(name) + len(": ") + len(value) > _LINE_LENGTH:
        return value
    text, bracket, rest = value.rpartition("<")
    if not text.isascii():
        text = Header(text.strip(), "utf-8", header_name=name).encode(linesep="") + " "
    return compat.unfolded(name, text + bracket + rest) if rest.isascii() else value


def _attachment(attachment: Any) -> Any:
    if not isinstance(attachment, tuple):
        return attachment  # a MIME part that the application made
    name, content, kind = attachment
    return EmailAttachment(_line(name) if name else name, _text(content), _line(kind) if kind else kind)
