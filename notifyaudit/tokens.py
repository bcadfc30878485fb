"""
What a link says, signed: nobody can make one up or alter one, and it is good for ever. Knows neither people
nor database.
"""

import binascii
from enum import StrEnum

from django.core.signing import BadSignature, Signer
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

_BETWEEN = "\0"
"""No text of the ledger holds it."""


class Purpose(StrEnum):
    """What a token is good for, and for nothing else."""

    UNSUBSCRIBE = "unsubscribe"
    UNDO = "undo"
    PREFERENCES = "preferences"
    WATCH = "watch"


class InvalidToken(Exception):
    """It is not signed by this site for this purpose, or what it names is no more."""


def sign(purpose: Purpose, *fields: str) -> str:
    """
    A token that fits into a path. It hides nothing: whoever has it can read the fields.

    Raises:
        ValueError: if a field holds NUL.
    """
    if any(_BETWEEN in field for field in fields):
        raise ValueError(f"a field of a token must not hold NUL: {fields!r}")
    payload = _BETWEEN.join(fields).encode("utf-8", "surrogatepass")
    return _signer(purpose).sign(urlsafe_base64_encode(payload))


def read(purpose: Purpose, token: str) -> list[str]:
    """
    The fields of a token, also of one that was signed under a key of ``SECRET_KEY_FALLBACKS``.

    Raises:
        InvalidToken: if it is not signed for this purpose.
    """
    try:
        payload = urlsafe_base64_decode(_signer(purpose).unsign(token))
        return payload.decode("utf-8", "surrogatepass").split(_BETWEEN)
    except (BadSignature, ValueError, binascii.Error):
        raise InvalidToken from None


def _signer(purpose: Purpose) -> Signer:
    return Signer(salt=f"notifyaudit.{purpose}", sep=".")
