"""The files that come with a mail, as its reader gets them."""

import re
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from notifyaudit import parts
from notifyaudit.testing.criteria import is_predicate


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a mail, as it came over the wire."""

    filename: str
    mimetype: str
    content: bytes

    def __repr__(self) -> str:
        return f"{self.filename} ({self.mimetype}, {len(self.content):,} bytes)"

    def has_content(self, wanted: Any) -> bool:
        """Whether it has these bytes, or ones that match the pattern or satisfy the predicate."""
        if is_predicate(wanted):
            return bool(wanted(self.content))
        if isinstance(wanted, re.Pattern):
            return bool(wanted.search(self.content))
        if not self.mimetype.startswith("text/"):
            return bool(self.content == wanted)
        # On its way each line of a text ends in CRLF (RFC 2046, section 4.1.1), whatever it ended in before.
        return bool(self.content.splitlines() == wanted.splitlines())


def attachments_of(mime: EmailMessage) -> list[Attachment]:
    """The files of a mail as its reader's program parses it."""
    return [_attachment(part) for part in mime.iter_attachments()]


def images_of(mime: EmailMessage) -> dict[str, Attachment]:
    """Those that its HTML shows, by their Content-ID."""
    return {cid: _attachment(part) for cid, part in parts.images_of(mime).items()}


def _attachment(part: EmailMessage) -> Attachment:
    return Attachment(part.get_filename() or "", part.get_content_type(), parts.content_of(part))
