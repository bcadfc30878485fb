"""What can go wrong with a mail that was handed to a mail backend, and what the backend's errors say."""

import smtplib
import socket
from collections.abc import Callable, Iterator
from typing import Any

from notifyaudit import compat
from notifyaudit.text import named


class DeliveryError(Exception):
    """A mail did not go out. The subclasses say what can be done about it."""


class Refused(DeliveryError):
    """For good: the server will not take this mail (5xx)."""


class TryLater(DeliveryError):
    """For now: nobody has the mail, and it may be sent again (4xx, or a connection lost before the end)."""


class NoConnection(DeliveryError):
    """The server cannot be reached or wants no mail from us at all; no mail is to blame."""


class Unauthorised(NoConnection):
    """The server does not accept our credentials; trying again and again may lock the account."""


class Uncertain(DeliveryError):
    """The connection broke after the end of DATA: the mail may have been accepted."""


_AUTHENTICATION = frozenset({530, 534, 535, 538})
"""RFC 4954, sections 4 and 6."""

_HTTP_UNAUTHORISED = frozenset({401, 403})
_HTTP_TRY_LATER = frozenset({408, 425, 429})


def of_reply(code: int, reply: str) -> DeliveryError:
    """What a negative reply of an SMTP server says: the first digit decides (RFC 5321, section 4.2.1)."""
    if code in _AUTHENTICATION:
        return Unauthorised(reply)
    return (Refused if 500 <= code < 600 else TryLater)(reply)  # noqa: PLR2004


def of_exception(error: BaseException) -> DeliveryError:
    """
    What an exception of any backend's ``send_messages()`` says. Where it does not say that the mail was
    refused, or that nobody can have it, the mail may be out.
    """
    text = named(error)
    for cause in _causes(error):
        for kinds, verdict in _VERDICTS:
            if isinstance(cause, kinds):
                return verdict(cause, text)
        status = getattr(cause, "status_code", None)
        if isinstance(status, int):
            return _of_status(status, text)
    return TryLater(text)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _worst(error: smtplib.SMTPRecipientsRefused) -> int:
    return max((code for code, _ in error.recipients.values()), default=450)


def _of_status(status: int, text: str) -> DeliveryError:
    if status in _HTTP_UNAUTHORISED:
        return Unauthorised(text)
    if 200 <= status < 300:  # noqa: PLR2004 - it took the mail, and then said something that made no sense
        return Uncertain(text)
    permanent = 400 <= status < 500 and status not in _HTTP_TRY_LATER  # noqa: PLR2004 - RFC 9110, section 15.5
    return (Refused if permanent else TryLater)(text)


_Verdict = Callable[[Any, str], DeliveryError]

# The first that fits: the more special of two related classes stands above the other.
_VERDICTS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], _Verdict], ...] = (
    (DeliveryError, lambda error, _: error),
    (smtplib.SMTPRecipientsRefused, lambda error, text: of_reply(_worst(error), text)),
    ((smtplib.SMTPConnectError, smtplib.SMTPHeloError), lambda _, text: NoConnection(text)),
    (smtplib.SMTPResponseException, lambda error, text: of_reply(error.smtp_code, text)),
    (smtplib.SMTPServerDisconnected, lambda _, text: Uncertain(text)),
    (compat.PROVIDER_REFUSALS, lambda _, text: Refused(text)),
    ((ConnectionRefusedError, socket.gaierror), lambda _, text: NoConnection(text)),
    # Not OSError: a file that is missing says nothing about the network.
    ((TimeoutError, ConnectionError), lambda _, text: Uncertain(text)),
)
