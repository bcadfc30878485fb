"""The parts of a parsed mail, as its reader's program sees them."""

from email.message import EmailMessage


def content_of(part: EmailMessage) -> bytes:
    """The bytes of a file; of a mail within the mail, its source."""
    content = part.get_payload(decode=True)
    if isinstance(content, bytes):
        return content
    return b"".join(inner.as_bytes() for inner in part.iter_parts())


def images_of(mail: EmailMessage) -> dict[str, EmailMessage]:
    """The parts that the HTML shows, by the Content-ID by which it does (RFC 2392)."""
    return {
        str(part["Content-ID"]).strip("<> "): part
        for part in mail.walk()
        if part["Content-ID"] and isinstance(part, EmailMessage)
    }
