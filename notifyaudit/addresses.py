"""Which email addresses mail can be sent to, and how they stand in an SMTP envelope."""

from collections.abc import Iterable
from email.utils import parseaddr

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.encoding import punycode

from notifyaudit.exceptions import InvalidAddress


def check(address: str) -> None:
    """
    Raises:
        InvalidAddress: if it is not one plain ``local@domain``: no display name, no list, no white space.
    """
    try:
        validate_email(address)
    except ValidationError:
        raise InvalidAddress(address) from None


def problems_of(addresses: Iterable[str]) -> list[str]:
    """What :func:`check` has against each that it refuses."""
    problems = []
    for address in addresses:
        try:
            check(address)
        except InvalidAddress as error:
            problems.append(str(error))
    return problems


def plain(address: str) -> str:
    """The address without the display name, if it has one: ``"Boss <boss@x.example>"``."""
    return (parseaddr(address)[1] if address.endswith(">") else "") or address


def envelope(address: str) -> str:
    """
    The address as MAIL FROM and RCPT TO take it: without a display name, the domain in its ASCII
    form (RFC 5890).
    """
    bare = plain(address)
    local, _, domain = bare.rpartition("@")
    return f"{local}@{punycode(domain)}" if local else bare
