"""The only file that knows Django versions and optional packages."""

from collections.abc import Iterator
from contextlib import contextmanager
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

__all__ = [
    "ImmediateBackend",
    "correlated",
    "correlation_id",
    "mail_backend",
    "serialise",
    "task",
    "task_backends",
]


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
    from django_guid.context import guid

    def correlation_id() -> str | None:
        """The id that django-guid gave to the running request, or ``None`` outside of one."""
        identifier: str | None = guid.get()
        return identifier

    @contextmanager
    def correlated(identifier: str) -> Iterator[None]:
        """Have django-guid put this id into the log lines of the block."""
        # Set and reset, not clear_guid(): whatever id the caller works under comes back.
        token = guid.set(identifier)
        try:
            yield
        finally:
            guid.reset(token)

else:

    def correlation_id() -> str | None:
        """Without django-guid there is no id to take over."""
        return None

    @contextmanager
    def correlated(identifier: str) -> Iterator[None]:
        """Without django-guid there is nobody to tell."""
        del identifier
        yield
