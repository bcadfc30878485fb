"""The files of a mail: what an email class may name, and how they come into it."""

import mimetypes
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Self

from django.core.files import File
from django.core.mail import EmailMessage
from django_pony_express.errors import EmailServiceAttachmentError

from notifyaudit import compat
from notifyaudit.text import one_line

_CONTENT_ID = re.compile(r"[A-Za-z0-9._+-]+(@[A-Za-z0-9.-]+)?")
"""What RFC 2392, section 2 allows, less what would have to be escaped."""

_MIMETYPE = re.compile(r"[^\s/;]+/[^\s/;]+(\s*;|$)")

_KEYS = {"filename", "file", "mimetype", "cid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """
    A file whose content is not there until the mail is made.

    Args:
        filename: what the reader sees.
        mimetype: such as ``"application/pdf"``.
        cid: by which the HTML shows it, ``<img src="cid:…">``; empty: it is a file beside the text.
        read: gives the content.
    """

    filename: str
    mimetype: str
    cid: str = ""
    read: Callable[[], bytes | str]

    @classmethod
    def of(cls, declared: Any) -> Self:
        """
        Args:
            declared: a path, a file of a storage, or a dict of ``file`` (bytes, text, a ``Path``, a file of
                a storage, or a function that returns one of them), ``filename``, and perhaps
                ``mimetype`` and ``cid``. Where ``file`` has a name, ``filename`` may be left out.

        Raises:
            EmailServiceAttachmentError: for anything else.
        """
        if isinstance(declared, str):
            declared = Path(declared)
        if not isinstance(declared, Mapping):
            declared = {"file": declared}
            if not _name_of(declared["file"]):
                raise EmailServiceAttachmentError(
                    f"an attachment is a path, a file of a storage, or a dict of 'filename' and 'file', not "
                    f"{type(declared['file']).__name__}"
                )
        return cls._of_mapping(declared)

    @classmethod
    def _of_mapping(cls, declared: Mapping[str, Any]) -> Self:
        if unknown := declared.keys() - _KEYS:
            raise EmailServiceAttachmentError(
                f"an attachment has no {min(unknown)!r}, but 'file', 'filename', 'mimetype' and 'cid'"
            )
        if "file" not in declared:
            raise EmailServiceAttachmentError("an attachment has no 'file'")
        file = declared["file"]
        filename = one_line(str(declared.get("filename") or _name_of(file)))
        if not filename:
            raise EmailServiceAttachmentError("an attachment has no 'filename'")
        cid = str(declared.get("cid") or "")
        if cid and not _CONTENT_ID.fullmatch(cid):
            raise EmailServiceAttachmentError(
                f"the cid {cid!r} has characters other than letters, digits and ._+-"
            )
        mimetype = declared.get("mimetype") or mimetypes.guess_type(filename)[0] or "application/octet-stream"
        if not _MIMETYPE.match(str(mimetype)):
            raise EmailServiceAttachmentError(f"the mimetype {mimetype!r} is not like 'application/pdf'")
        return cls(filename=filename, mimetype=str(mimetype), cid=cid, read=lambda: _content(file))

    def join(self, message: EmailMessage) -> None:
        """Read the content, and put it into the mail."""
        content: Any = self.read()
        if not self.cid:
            message.attach(self.filename, content, self.mimetype)
            return
        content = content.encode() if isinstance(content, str) else content
        message.attach(compat.inline_part(content, self.mimetype, filename=self.filename, cid=self.cid))


def attachments_of(declared: Iterable[Any], *, of: str) -> list[Attachment]:
    """
    What ``get_attachments()`` has returned, read by nobody yet.

    Args:
        declared: see :meth:`Attachment.of`.
        of: whose they are, for the error.

    Raises:
        EmailServiceAttachmentError: if one is none.
    """
    try:
        return [Attachment.of(each) for each in declared]
    except EmailServiceAttachmentError as error:
        raise EmailServiceAttachmentError(f"{of}.get_attachments(): {error}.") from None


def _name_of(file: Any) -> str:
    if isinstance(file, os.PathLike):
        return PurePath(file).name
    return PurePath(str(file.name or "")).name if isinstance(file, File) else ""


def _content(file: Any) -> bytes | str:
    if callable(file):
        file = file()
    if isinstance(file, os.PathLike):
        return Path(file).read_bytes()
    if isinstance(file, File):
        return _read(file)
    if isinstance(file, bytes | str):
        return file
    if isinstance(file, bytearray | memoryview):
        return bytes(file)
    raise EmailServiceAttachmentError(
        "the content of an attachment is bytes, text, a path or a file of a storage, not "
        f"{type(file).__name__}"
    )


def _read(file: Any) -> bytes:
    # From its beginning, wherever whoever attached it has left off; and it is left as it was found.
    was_closed = file.closed
    file.open("rb")
    try:
        return bytes(file.read())
    finally:
        if was_closed:
            file.close()
