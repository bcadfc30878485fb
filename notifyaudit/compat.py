"""The only file that knows Django versions and optional packages."""

from email import policy
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from django.core.mail import EmailMessage
    from django.core.mail.backends.base import BaseEmailBackend

if TYPE_CHECKING or django.VERSION >= (6, 0):
    from django.tasks import task, task_backends
    from django.tasks.backends.immediate import ImmediateBackend
else:
    from django_tasks import task, task_backends
    from django_tasks.backends.immediate import ImmediateBackend

__all__ = ["ImmediateBackend", "correlation_id", "mail_backend", "serialise", "task", "task_backends"]


def mail_backend() -> "BaseEmailBackend":
    """
    A new instance of the project's default mail backend: ``MAILERS`` where Django has it and the
    project uses it, else ``EMAIL_BACKEND``.
    """
    if django.VERSION >= (6, 1):
        from django.core.mail import mailers  # noqa: PLC0415 - the name does not exist before 6.1

        return mailers.default
    from django.core.mail import get_connection  # noqa: PLC0415 - deprecated from 6.1 on

    return get_connection()


def serialise(message: "EmailMessage") -> bytes:
    """The bytes of a mail as they go over the wire, with CRLF line ends (RFC 5321, section 2.3.8)."""
    if django.VERSION >= (6, 0):
        return message.message(policy=policy.SMTP).as_bytes()
    as_bytes: Any = message.message().as_bytes  # Django's own, older message class takes the line end
    return bytes(as_bytes(linesep="\r\n"))


if find_spec("django_guid"):
    from django_guid import get_guid

    def correlation_id() -> str | None:
        """The id that django-guid gave to the running request, or ``None`` outside of one."""
        return get_guid()

else:

    def correlation_id() -> str | None:
        """Without django-guid there is no id to take over."""
        return None
