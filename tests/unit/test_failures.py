"""What the error of a mail backend says about the mail."""

import smtplib
import socket

import pytest
from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused

from notifyaudit.failures import (
    NoConnection,
    Refused,
    TryLater,
    Unauthorised,
    Uncertain,
    of_exception,
    of_reply,
)


def provider_error(status):
    return AnymailAPIError("the provider said no", status_code=status)


def caused_by(cause):
    try:
        try:
            raise cause
        except type(cause) as inner:
            raise RuntimeError("sending failed") from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (smtplib.SMTPRecipientsRefused({"a@x.example": (550, b"no such user")}), Refused),
        (smtplib.SMTPRecipientsRefused({"a@x.example": (451, b"later")}), TryLater),
        (smtplib.SMTPRecipientsRefused({"a@x.example": (451, b""), "b@x.example": (550, b"")}), Refused),
        (smtplib.SMTPSenderRefused(553, b"not you", "s@x.example"), Refused),
        (smtplib.SMTPSenderRefused(530, b"log in first", "s@x.example"), Unauthorised),
        (smtplib.SMTPDataError(452, b"full"), TryLater),
        (smtplib.SMTPAuthenticationError(535, b"wrong"), Unauthorised),
        (smtplib.SMTPConnectError(421, b"busy"), NoConnection),
        (smtplib.SMTPHeloError(550, b"who?"), NoConnection),
        (smtplib.SMTPServerDisconnected("gone"), Uncertain),
        (ConnectionRefusedError("nobody there"), NoConnection),
        (socket.gaierror("no such host"), NoConnection),
        (TimeoutError("no answer"), Uncertain),
        (ConnectionResetError("cut"), Uncertain),
        (AnymailRecipientsRefused("refused"), Refused),
        (provider_error(400), Refused),
        (provider_error(401), Unauthorised),
        (provider_error(403), Unauthorised),
        (provider_error(429), TryLater),
        (provider_error(503), TryLater),
        (FileNotFoundError("logo.png"), TryLater),
        (RuntimeError("a backend's own"), TryLater),
        (caused_by(TimeoutError("no answer")), Uncertain),
        (caused_by(ConnectionRefusedError("nobody there")), NoConnection),
        (Refused("said so itself"), Refused),
    ],
    ids=lambda value: repr(value)[:50] if isinstance(value, BaseException) else value.__name__,
)
def test_an_error_is_what_it_says(error, verdict):
    judged = of_exception(error)
    assert type(judged) is verdict
    assert str(judged)


@pytest.mark.parametrize(
    ("code", "verdict"), [(450, TryLater), (550, Refused), (535, Unauthorised), (530, Unauthorised)]
)
def test_the_first_digit_of_a_reply_decides_save_for_credentials(code, verdict):
    assert type(of_reply(code, "text")) is verdict
