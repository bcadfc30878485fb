"""Which uploads are photos: told by their first bytes, never by their name."""

from typing import IO

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.utils.translation import gettext_lazy as _

MAX_BYTES = 5 * 1024 * 1024
CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


def image_kind(stream: IO[bytes] | File) -> str | None:
    """``"jpg"``, ``"png"`` or ``"webp"``; ``None`` for anything else. The stream is left at its start."""
    stream.seek(0)
    head = stream.read(12)
    stream.seek(0)
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:] == b"WEBP":
        return "webp"
    return None


def validate_photo(file: File) -> None:
    """
    Accept JPEG, PNG and WebP up to ``MAX_BYTES``.

    Raises:
        ValidationError: for anything else.
    """
    if file.size > MAX_BYTES:
        raise ValidationError(
            _("The photo is larger than %(limit)s MB."),
            code="too_large",
            params={"limit": MAX_BYTES // 1024 // 1024},
        )
    if image_kind(file) is None:
        raise ValidationError(_("Only JPEG, PNG and WebP photos are accepted."), code="not_a_photo")
