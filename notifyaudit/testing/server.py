"""
A mail server in memory. It answers Python's own ``smtplib``, command by command, so that all the library does
up to the socket is what it does in production, and failures come in the phase in which a server has them.
"""

import copy
import re
import smtplib
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from notifyaudit.transport import SmtpTransport

Phase = Literal["connect", "mail", "rcpt", "data", "end"]
"""Where a server fails: at the connection, MAIL FROM, RCPT TO, DATA, or after the end of the mail."""

PHASES: tuple[Phase, ...] = get_args(Phase)

_GREETING = b"memory\n8BITMIME\nSMTPUTF8\nSIZE 0"
_CODES = {"EHLO": 250, "MAIL": 250, "RCPT": 250, "DATA": 354, "RSET": 250, "QUIT": 221}
_NEEDS_RECIPIENTS = {"RCPT", "DATA"}
_END = b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A mail that the server took: Django's message, and the bytes that came over the wire."""

    content: EmailMultiAlternatives
    data: bytes

    @property
    def message_id(self) -> str:
        """By which the ledger knows it."""
        return str(self.content.extra_headers.get("Message-ID", ""))


@dataclass(slots=True, kw_only=True)
class Fault:
    """
    How the server fails, until ``left`` is used up (``None``: always). Without a ``code`` it hangs up.

    ``to`` limits it to one recipient, as the server knows them: by the address of the envelope.
    """

    at: Phase
    code: int | None
    left: int | None
    to: str | None = None

    def strikes(self, at: Phase, recipients: list[str]) -> bool:
        """Whether this is the moment; it counts as one time."""
        if self.at != at or self.left == 0:
            return False
        if self.to is not None and self.to.casefold() not in map(str.casefold, recipients):
            return False
        if self.left is not None:
            self.left -= 1
        return True


class MemoryServer:
    """Accepts mails, and fails on wish. What it accepts is also put into ``django.core.mail.outbox``."""

    def __init__(self) -> None:
        self.accepted: list[Accepted] = []
        self.faults: list[Fault] = []

    def transport(self, backend: BaseEmailBackend | None = None) -> "MemoryTransport":
        """For :func:`notifyaudit.transport.replaced`: whatever backend a mail asks for, it ends here."""
        del backend
        return MemoryTransport(self)

    def take(self, content: EmailMessage, data: bytes) -> None:
        """The mail is the server's from now on."""
        self.accepted.append(Accepted(cast("EmailMultiAlternatives", content), data))
        if not hasattr(mail, "outbox"):
            mail.outbox = []
        # A copy, as Django's own backend for tests does it: what a test changes is not what was sent.
        mail.outbox.append(copy.copy(content))

    def fault(self, at: Phase, recipients: list[str]) -> Fault | None:
        """What goes wrong at this moment, if anything does."""
        return next((fault for fault in self.faults if fault.strikes(at, recipients)), None)


class MemoryTransport(SmtpTransport):
    """The transport of production, connected to a :class:`MemoryServer`."""

    def __init__(self, server: MemoryServer) -> None:
        self._session = _Session(server)
        super().__init__(cast("Any", self._session))

    def send(self, message: EmailMessage) -> None:
        """See :class:`notifyaudit.transport.Transport`."""
        self._session.content = message
        super().send(message)


class _Session:
    """As much of Django's SMTP backend as the transport uses of it."""

    def __init__(self, server: MemoryServer) -> None:
        self.server = server
        self.content = EmailMessage()
        self.connection: _Connection | None = None
        self.timeout: float | None = None

    def open(self) -> bool:
        if self.connection is not None:
            return False
        if fault := self.server.fault("connect", []):
            if fault.code is None:
                raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
            raise smtplib.SMTPConnectError(fault.code, b"no, says the test")
        self.connection = _Connection(self)
        return True

    def close(self) -> None:
        self.connection = None


class _Connection(smtplib.SMTP):
    """The socket's two ends in one: what is sent is answered when the reply is read."""

    def __init__(self, session: _Session) -> None:
        super().__init__(local_hostname="test.invalid")
        self._session = session
        self._recipients: list[str] = []
        self._reply: tuple[int, bytes] | None = None
        self._in_data = False

    def send(self, s: Any) -> None:
        line = s if isinstance(s, bytes) else s.encode(self.command_encoding)
        self._reply = self._end(line) if self._in_data else self._command(line.decode())

    def getreply(self) -> tuple[int, bytes]:
        if self._reply is None:
            self.close()
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        return self._reply

    def _command(self, line: str) -> tuple[int, bytes] | None:
        verb = line[:4].upper().strip()
        named = re.findall("<(.+)>", line) if verb == "RCPT" else self._recipients
        if verb.lower() in PHASES and (fault := self._fault(cast("Phase", verb.lower()), named)):
            return self._failure(fault)
        if verb in _NEEDS_RECIPIENTS and not named:
            return 503, b"no valid recipients"
        if verb == "RCPT":
            self._recipients.extend(named)
        elif verb in {"MAIL", "RSET"}:
            self._recipients = []
        self._in_data = verb == "DATA"
        return _CODES.get(verb, 500), _GREETING if verb == "EHLO" else b"ok"

    def _end(self, data: bytes) -> tuple[int, bytes] | None:
        self._in_data = False
        fault = self._fault("end", self._recipients)
        if fault is not None and fault.code is not None:
            return self._failure(fault)
        if not data.endswith(_END):
            return None
        # RFC 5321, section 4.5.2: the dots that the client has doubled, and the line that ends the mail.
        self._session.server.take(self._session.content, re.sub(rb"(?m)^\.\.", b".", data)[: 2 - len(_END)])
        # Who hangs up only now has the mail, and the client cannot know.
        return None if fault is not None else (250, b"ok")

    def _fault(self, at: Phase, recipients: list[str]) -> Fault | None:
        return self._session.server.fault(at, recipients)

    @staticmethod
    def _failure(fault: Fault) -> tuple[int, bytes] | None:
        return None if fault.code is None else (fault.code, b"no, says the test")
