"""Puts files into a mail, as django-pony-express names them."""

from collections.abc import Iterable
from typing import Any

from django.core.mail import EmailMessage
from django_pony_express.errors import EmailServiceAttachmentError


def attach(message: EmailMessage, attachments: Iterable[Any], *, of: str) -> None:
    """
    Args:
        message: the mail.
        attachments: paths, or dicts with ``filename``, ``file`` (its content) and perhaps ``mimetype``.
        of: whose they are, for the error.

    Raises:
        EmailServiceAttachmentError: if a dict lacks one of the two.
    """
    for attachment in attachments:
        if not isinstance(attachment, dict):
            message.attach_file(attachment)
            continue
        try:
            message.attach(attachment["filename"], attachment["file"], attachment.get("mimetype"))
        except KeyError as error:
            raise EmailServiceAttachmentError(
                f"{of}: an attachment is a path or a dict with 'filename' and 'file', not without {error}."
            ) from error
