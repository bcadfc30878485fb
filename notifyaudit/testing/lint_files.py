"""What is wrong with the files, the images and the headers of a mail."""

import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

from bs4 import BeautifulSoup
from django.core.mail import EmailMultiAlternatives

from notifyaudit import compat, screening
from notifyaudit.exceptions import InvalidHeader
from notifyaudit.testing.attachments import attachments_of, images_of

RULES = ("header", "attachment", "image")

MAX_SOURCE = 20 * 1024 * 1024
"""Bytes of a whole mail, its files encoded, that most servers still take: Outlook.com 20 MB, Gmail 25."""

_LINE_LENGTH = 998
"""Octets of a line (RFC 5322, section 2.1.1)."""

_CID = re.compile(r"cid:([^\"'()\s>]+)")


def problems_of_files(content: EmailMultiAlternatives, html: BeautifulSoup) -> Iterator[tuple[str, str]]:
    """The rule that is broken and how, for each problem of a mail, as its reader's program parses it."""
    try:
        screening.screen(content)
    except InvalidHeader as error:
        yield "header", str(error)
        return
    source = compat.serialise(content)
    mime = BytesParser(policy=default).parsebytes(source)
    if any(len(line) > _LINE_LENGTH for line in source.partition(b"\r\n\r\n")[0].split(b"\r\n")):
        yield "header", f"a header has a line of more than {_LINE_LENGTH} bytes, which servers refuse"
    yield from _of_attachments(mime)
    yield from _of_images(mime, html)
    if len(source) > MAX_SOURCE:
        yield (
            "attachment",
            (
                f"the mail has {len(source) >> 20} MB: many servers refuse it above {MAX_SOURCE >> 20} MB; "
                "link to the file"
            ),
        )


def _of_attachments(mime: EmailMessage) -> Iterator[tuple[str, str]]:
    for attachment in attachments_of(mime):
        if not attachment.content.strip():
            yield "attachment", f"{attachment.filename!r} is empty"
        if "." not in attachment.filename.strip("."):
            yield "attachment", f"{attachment.filename!r} has no ending: its reader's computer cannot open it"


def _of_images(mime: EmailMessage, html: BeautifulSoup) -> Iterator[tuple[str, str]]:
    shown, brought = set(_CID.findall(str(html))), images_of(mime)
    for cid in sorted(shown - brought.keys()):
        yield "image", f"cid:{cid} is shown, but no attachment has this cid"
    for cid in sorted(brought.keys() - shown):
        yield "image", f"the image with the cid {cid!r} is shown nowhere"
