"""The only file that knows Django versions and optional packages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import policy
from email.encoders import encode_base64
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry
from email.message import MIMEPart
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import django
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import router

if TYPE_CHECKING:
    from email.message import Message

    from django.core.mail import EmailMessage
    from django.core.mail.backends.base import BaseEmailBackend
    from django.db.models import Model, QuerySet
    from django.tasks import Task

if TYPE_CHECKING or django.VERSION >= (6, 0):
    from django.tasks import task, task_backends
    from django.tasks.backends.dummy import DummyBackend
    from django.tasks.backends.immediate import ImmediateBackend
else:
    from django_tasks import task, task_backends
    from django_tasks.backends.dummy import DummyBackend
    from django_tasks.backends.immediate import ImmediateBackend

__all__ = [
    "PROVIDER_REFUSALS",
    "ImmediateBackend",
    "background_task",
    "correlated",
    "correlation_id",
    "followed_together",
    "inline_part",
    "mail_backend",
    "refused_by_provider",
    "related_part",
    "serialise",
    "site_domain",
    "task_backends",
    "tasks_database",
    "tasks_stay_here",
    "unfolded",
]

R = TypeVar("R")


class _NoTask(Generic[R]):
    """Stands for a task where it cannot be one: it can be called, and not be enqueued."""

    def __init__(self, function: Callable[[], R]) -> None:
        self.call = function

    def enqueue(self) -> NoReturn:
        raise ImproperlyConfigured("TASKS has no 'default' backend, so no wake-up can be enqueued.")


def background_task(function: Callable[[], R]) -> "Task[[], R] | _NoTask[R]":
    """
    The function as a task of the default backend. Where ``TASKS`` has none, Django would refuse it when its
    module is loaded, and no check could tell of that any more.
    """
    return task(function) if "default" in task_backends else _NoTask(function)


def tasks_database() -> str | None:
    """The alias of the database that holds the default backend's tasks; ``None`` if none is known to."""
    if not apps.is_installed("django_tasks_db") or "default" not in task_backends:
        return None
    from django_tasks_db import DatabaseBackend  # noqa: PLC0415 - an optional package
    from django_tasks_db.models import DBTaskResult  # noqa: PLC0415 - and its models must be installed

    if not isinstance(task_backends["default"], DatabaseBackend):
        return None
    return router.db_for_write(DBTaskResult)


def tasks_stay_here() -> bool:
    """Whether the default backend speaks to a database or to nobody, and not to a broker that may hang."""
    if "default" not in task_backends:
        return True
    in_process = isinstance(task_backends["default"], ImmediateBackend | DummyBackend)
    return in_process or tasks_database() is not None


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


class _KeptHeaderClasses(HeaderRegistry):
    """
    Python's own makes a new class for each header of each mail, which is a third of the time that a mail
    takes to become bytes. Here they are made once for each kind of header.
    """

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[type, type[BaseHeader]] = {}

    def __getitem__(self, name: str) -> type[BaseHeader]:
        kind = self.registry.get(name.lower(), self.default_class)
        if kind not in self._made:
            self._made[kind] = super().__getitem__(name)
        return self._made[kind]


class _Unfolded(str):
    """A header's value that goes over the wire as it is. Python's policies leave alone what has a name."""

    __slots__ = ("name",)

    name: str

    def fold(self, *, policy: policy.EmailPolicy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


class _UnfoldedBefore6(Header):
    """The same for the messages of Django before 6.0."""

    def encode(self, *_args: Any, **_options: Any) -> str:
        return str(self)


def unfolded(name: str, value: str) -> str:
    """The value of a header, in ASCII, that is not to be folded nor encoded however long it is."""
    header = _Unfolded(value)
    header.name = name
    return header


def inline_part(content: bytes, mimetype: str, *, filename: str, cid: str) -> Any:
    """A file that the HTML of a mail shows by its Content-ID (RFC 2392), of the class that Django takes."""
    main, _, sub = mimetype.partition("/")
    if django.VERSION >= (6, 0):
        part: Any = MIMEPart()
        part.set_content(content, main, sub, disposition="inline", filename=filename, cid=f"<{cid}>")
        return part
    part = MIMEBase(main, sub)  # deprecated from Django 6.0 on
    part.set_payload(content)
    encode_base64(part)
    part.add_header("Content-Disposition", "inline", filename=filename)
    part.add_header("Content-ID", f"<{cid}>")
    return part


def related_part(root: "Message", others: "list[Message]") -> Any:
    """A part of a mail together with those that it refers to (RFC 2387)."""
    if django.VERSION >= (6, 0):
        part: Any = MIMEPart()
        part["Content-Type"] = 'multipart/related; type="text/html"'
        part.set_payload([root, *others])
        return part
    return MIMEMultipart("related", _subparts=[root, *others], type="text/html")


_SMTP = policy.SMTP.clone(header_factory=_KeptHeaderClasses())


def serialise(message: "EmailMessage") -> bytes:
    """The bytes of a mail as they go over the wire, with CRLF line ends (RFC 5321, section 2.3.8)."""
    if django.VERSION >= (6, 0):
        return message.message(policy=_SMTP).as_bytes()
    content: Any = message.message()  # Django's own, older class: its as_bytes() takes the line end
    for name, value in message.extra_headers.items():
        if isinstance(value, _Unfolded):
            content.replace_header(name, _UnfoldedBefore6(value))
    return bytes(content.as_bytes(linesep="\r\n"))


def followed_together(queryset: "QuerySet[Model]") -> "QuerySet[Model]":
    """The same rows; a foreign key followed from one of them is read for all (from Django 6.1 on)."""
    if django.VERSION >= (6, 1):
        from django.db.models import FETCH_PEERS  # noqa: PLC0415 - the name does not exist before 6.1

        return queryset.fetch_mode(FETCH_PEERS)
    return queryset


def site_domain() -> str:
    """The domain that Django's sites framework, which must be installed, has for this project."""
    from django.contrib.sites.models import Site  # noqa: PLC0415 - an optional app

    try:
        return Site.objects.get_current().domain
    except Site.DoesNotExist:
        return ""


PROVIDER_REFUSALS: tuple[type[Exception], ...] = ()
"""What the backends of email providers raise for a mail that they will never take."""

if find_spec("anymail"):
    from anymail.exceptions import (
        AnymailInvalidAddress,
        AnymailRecipientsRefused,
        AnymailSerializationError,
        AnymailUnsupportedFeature,
    )

    PROVIDER_REFUSALS = (
        AnymailInvalidAddress,
        AnymailRecipientsRefused,
        AnymailSerializationError,
        AnymailUnsupportedFeature,
    )


def refused_by_provider(message: "EmailMessage") -> dict[str, str]:
    """
    Which recipients of a mail the provider has refused although it took the mail, and in which word:
    django-anymail raises only if it refused all of them, and never for ``failed``.
    """
    recipients = getattr(getattr(message, "anymail_status", None), "recipients", {})
    return {
        address: recipient.status
        for address, recipient in recipients.items()
        if recipient.status in {"invalid", "rejected", "failed"}
    }


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
