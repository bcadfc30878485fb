"""A mail whose HTML shows images that come with it."""

from email.message import Message
from typing import Any

from django.core.mail import EmailMultiAlternatives

from notifyaudit import compat


class IllustratedMessage(EmailMultiAlternatives):
    """
    Django puts all files beside the text (multipart/mixed), where many mail programs list images a second
    time, as attachments. Here those with a Content-ID stand with the HTML that shows them: multipart/related
    (RFC 2387) within multipart/alternative.
    """

    def message(self, **options: Any) -> Any:
        """The mail as Python's ``email`` has it."""
        message = super().message(**options)
        if any(isinstance(each, Message) and each["Content-ID"] for each in self.attachments):
            _move_images(message)
        return message


def _move_images(message: Any) -> None:
    body, *files = message.get_payload()
    bodies = body.get_payload() if body.get_content_type() == "multipart/alternative" else []
    html = next((each for each in bodies if each.get_content_type() == "text/html"), None)
    if html is None:
        return
    images = [each for each in files if each["Content-ID"]]
    others = [each for each in files if not each["Content-ID"]]
    bodies[bodies.index(html)] = compat.related_part(html, images)
    if others:
        message.set_payload([body, *others])
        return
    message.replace_header("Content-Type", "multipart/alternative")
    message.set_payload(bodies)
