"""
Hands one mail at a time to the project's mail backend and says what became of it.

Django's SMTP backend hides in which phase a connection broke, and that decides whether a mail may be sent
again: before the end of DATA nobody has it, after it nobody can know (RFC 1047). So SMTP goes through the
backend's own connection, phase by phase; any other backend through its ``send_messages()``.
"""

import os
import re
import smtplib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Protocol

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.core.signals import setting_changed

from notifyaudit import compat, conf
from notifyaudit.addresses import envelope, plain
from notifyaudit.failures import (
    NoConnection,
    Refused,
    TryLater,
    Unauthorised,
    Uncertain,
    of_exception,
    of_reply,
)


class Transport(Protocol):
    """Sends mails, one at a time, over one connection."""

    def send(self, message: EmailMessage) -> None:
        """
        Returns when the mail is accepted for all its recipients.

        Raises:
            DeliveryError: one of its subclasses, if not.
        """

    def close(self) -> None:
        """End the connection, if there is one."""


MAILS_PER_CONNECTION = 100
"""Then a new one is opened: servers limit how many they take over one."""

TransportFactory = Callable[[BaseEmailBackend | None], Transport]


_replacement: ContextVar[TransportFactory | None] = ContextVar("notifyaudit_transport", default=None)


@contextmanager
def replaced(factory: TransportFactory) -> Iterator[None]:
    """Have every mail of the block leave through the transports that this makes (for tests: none leaves)."""
    token = _replacement.set(factory)
    try:
        yield
    finally:
        _replacement.reset(token)


def open_transport(backend: BaseEmailBackend | None = None) -> Transport:
    """What mails leave through, now: :func:`transport_to` the backend, unless it is replaced."""
    return (_replacement.get() or transport_to)(backend)


_kept = threading.local()


@contextmanager
def project_transport() -> Iterator[Transport]:
    """
    The transport to the project's mail backend. Its connection stays open for this thread's next block,
    unless the transport is replaced.
    """
    if _replacement.get() is not None:
        transport = open_transport()
        try:
            yield transport
        finally:
            transport.close()
        return
    # A child process must not speak into the connection of its parent.
    if getattr(_kept, "owner", None) != os.getpid():
        _kept.owner, _kept.transport = os.getpid(), transport_to()
    yield _kept.transport


def close_kept() -> None:
    """End the connection that this thread has kept, if there is one."""
    if getattr(_kept, "owner", None) == os.getpid():
        _kept.transport.close()
    _kept.owner = None


def _forget(*, setting: str, **_: object) -> None:
    if setting == "MAILERS" or setting.startswith("EMAIL_"):
        close_kept()


setting_changed.connect(_forget, dispatch_uid="notifyaudit.transport")


def transport_to(backend: BaseEmailBackend | None = None) -> Transport:
    """The transport that knows most about a backend, the project's by default. It connects when it sends."""
    if backend is None:
        backend = compat.mail_backend()
    if isinstance(backend, SmtpBackend) and _sends_as_django_does(type(backend)):
        return SmtpTransport(backend)
    return BackendTransport(backend)


def _sends_as_django_does(backend_class: type[SmtpBackend]) -> bool:
    # A subclass that redirects, signs or counts mails does it here, and must not be passed by.
    return all(
        getattr(backend_class, name) is getattr(SmtpBackend, name) for name in ("send_messages", "_send")
    )


class BackendTransport:
    """Any backend, through Django's public interface, which tells success from failure and no more."""

    def __init__(self, backend: BaseEmailBackend) -> None:
        self._backend = backend

    def send(self, message: EmailMessage) -> None:
        """See :class:`Transport`; what an exception means, :func:`notifyaudit.failures.of_exception` says."""
        try:
            accepted = self._backend.send_messages([message])
        except Exception as error:
            raise of_exception(error) from error
        if not accepted:
            raise TryLater(f"{type(self._backend).__name__} did not accept the mail and gave no reason.")
        own = {plain(address).casefold() for address in message.to}
        for address, word in compat.refused_by_provider(message).items():
            # Of a copy it says nothing about the recipient, who has the mail.
            if address.casefold() in own:
                raise Refused(f"the provider's word for {address} is {word!r}")

    def close(self) -> None:
        """See :class:`Transport`."""
        # A mail that was accepted must not be sent again because the end of a connection failed.
        with suppress(Exception):
            self._backend.close()


class SmtpTransport:
    """Django's SMTP backend, of which it uses the settings and the connection (RFC 5321)."""

    def __init__(self, backend: SmtpBackend) -> None:
        self._backend = backend
        self._sent = 0
        self._is_clean = False

    def send(self, message: EmailMessage) -> None:
        """See :class:`Transport`. If one recipient is refused, the mail goes to none of them."""
        content = _as_data(compat.serialise(message))
        smtp = self._begun(envelope(message.from_email), content)
        with self._until_end_of_data():
            for address in dict.fromkeys(message.recipients()):
                self._expect((250, 251), *smtp.rcpt(envelope(address)), about=address)
            self._expect(354, *smtp.docmd("DATA"))
            smtp.send(content)
        try:
            reply = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Uncertain(f"no reply after the end of DATA: {error}") from error
        code, text = reply
        if 200 <= code < 300:  # noqa: PLR2004 - the first digit decides (RFC 5321, section 4.2.1)
            self._sent += 1
            self._is_clean = True
            return
        if not 400 <= code < 600:  # noqa: PLR2004
            self._drop()
            raise Uncertain(f"no known reply after the end of DATA: {code} {text.decode('utf-8', 'replace')}")
        self._expect(250, code, text)

    def close(self) -> None:
        """See :class:`Transport`."""
        try:
            self._backend.close()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _begun(self, sender: str, content: bytes) -> smtplib.SMTP:
        """The connection, on which the server has taken MAIL FROM."""
        smtp = self._connected()
        is_reused = self._sent > 0
        self._is_clean = False
        try:
            code, text = smtp.mail(sender, _mail_options(smtp, content))
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            if is_reused:  # the server has closed it since: that is no attempt of this mail
                return self._begun(sender, content)
            raise TryLater(f"the connection was lost before the end of the mail: {error}") from error
        if code == 421:  # noqa: PLR2004 - "closing transmission channel", RFC 5321, section 3.8
            self._drop()
            if is_reused:
                return self._begun(sender, content)
            raise NoConnection(f"{code} {text.decode('utf-8', 'replace')}")
        self._expect(250, code, text)
        return smtp

    def _connected(self) -> smtplib.SMTP:
        try:
            if self._backend.connection is not None and self._is_used_up(self._backend.connection):
                self._drop()
            self._limit_waiting()
            if self._backend.open():
                self._sent = 0
            smtp = self._backend.connection
            if smtp is None:
                raise NoConnection("the backend opened no connection (fail_silently?)")
            smtp.ehlo_or_helo_if_needed()
        except smtplib.SMTPAuthenticationError as error:
            self._drop()
            raise Unauthorised(f"{type(error).__name__}: {error}") from error
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise NoConnection(f"{type(error).__name__}: {error}") from error
        return smtp

    def _limit_waiting(self) -> None:
        # Who waits for a reply beyond the lease finds the mail in the hands of another worker, who has sent
        # it a second time. Django's own default is to wait for ever.
        limit = conf.current().LEASE.total_seconds() / 2
        self._backend.timeout = min(self._backend.timeout or limit, limit)

    def _is_used_up(self, smtp: smtplib.SMTP) -> bool:
        if self._sent >= MAILS_PER_CONNECTION:
            self.close()
            return True
        if self._is_clean:
            return False
        # What a refused mail has begun must end before the next one begins.
        try:
            return smtp.rset()[0] != 250  # noqa: PLR2004
        except (OSError, smtplib.SMTPException):
            return True

    @contextmanager
    def _until_end_of_data(self) -> Iterator[None]:
        try:
            yield
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise TryLater(f"the connection was lost before the end of the mail: {error}") from error

    def _expect(self, wanted: int | tuple[int, ...], code: int, text: bytes, *, about: str = "") -> None:
        if code == wanted or (isinstance(wanted, tuple) and code in wanted):
            return
        if code == 421:  # noqa: PLR2004 - "closing transmission channel", RFC 5321, section 3.8
            self._drop()
        reply = f"{code} {text.decode('utf-8', 'replace')}" + (f" for {about}" if about else "")
        problem = of_reply(code, reply)
        if isinstance(problem, NoConnection):
            self._drop()
        raise problem

    def _drop(self) -> None:
        # The second is where newer Django keeps one on which TLS or the login has failed.
        for name in ("connection", "_partial_connection"):
            smtp = getattr(self._backend, name, None)
            if smtp is not None:
                smtp.close()
                setattr(self._backend, name, None)


def _mail_options(smtp: smtplib.SMTP, content: bytes) -> list[str]:
    options = []
    if smtp.has_extn("size"):
        options.append(f"SIZE={len(content)}")
    if smtp.has_extn("8bitmime") and not content.isascii():
        options.append("BODY=8BITMIME")
    return options


def _as_data(content: bytes) -> bytes:
    """The mail with its dots doubled and its end marked (RFC 5321, section 4.5.2)."""
    # A lone CR or LF is a line's end to some servers and none to others: what follows could be a command.
    content = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", content) + b".\r\n"
