"""Which email addresses mail can be sent to, and how they stand in an SMTP envelope."""

import re
from collections.abc import Iterable
from email.errors import ObsoleteHeaderDefect
from email.headerregistry import Address, HeaderRegistry
from functools import lru_cache
from typing import Any
from unicodedata import normalize

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.encoding import punycode

from notifyaudit.exceptions import InvalidAddress

_NAMED = re.compile(r"(?P<name>[^<>,;]*)<(?P<address>[^<>]*)>")
"""Name and address, where no further address can hide in the name."""

_ALTERED = re.compile("[^.]*[ßẞς][^.]*")
"""Labels of a domain in which Python's IDNA of 2003 writes "ss" and "σ". That of 2008 keeps them (RFC 5894,
section 7.2), and since then both names can be registered, by two people."""

_parse: Any = HeaderRegistry()


def check(address: str) -> None:
    """
    Raises:
        InvalidAddress: if it is not one plain ``local@domain``: no display name, no list, no white space.
    """
    try:
        validate_email(address)
        _ascii(address.rpartition("@")[2])
    except (ValidationError, UnicodeError):
        raise InvalidAddress(address) from None
    if not address.isprintable():  # Django lets control characters pass in a quoted local part
        raise InvalidAddress(address)


@lru_cache(maxsize=256)
def mailbox(text: str) -> Address:
    """
    The one mailbox that a text such as ``"Boss <boss@x.example>"`` names. A name that would have to be quoted
    is taken as if it were, unless it may be an address of its own; a host's own users need no domain. No
    mail program can take the domain for another one.

    Raises:
        InvalidAddress: if it is none, or several, or its local part is not ASCII (that takes SMTPUTF8, which
            few servers know).
    """
    try:
        found = _only(text) or _only_behind_a_name(text)
        _ascii(found.domain if found else "")
    except Exception:  # noqa: BLE001 - Python's parser raises anything for what it was not made for
        found = None
    # The parser leaves out some characters that it cannot print, and then it is another's address.
    if found is None or not found.username or not text.rpartition("<")[2].isprintable():
        raise InvalidAddress(text)
    if not found.username.isascii():
        raise InvalidAddress(text)
    return Address(found.display_name, username=found.username, domain=_kept(found.domain))


def _only(text: str) -> Address | None:
    header = _parse("To", text)
    defects = [each for each in header.defects if not isinstance(each, ObsoleteHeaderDefect)]
    if defects and [str(each) for each in defects] != ["addr-spec local part with no domain"]:
        return None
    if len(header.groups) != 1 or header.groups[0].display_name is not None:
        return None
    return header.addresses[0] if len(header.addresses) == 1 else None


def _only_behind_a_name(text: str) -> Address | None:
    parts = _NAMED.fullmatch(text)
    address = _only(parts["address"]) if parts else None
    if parts is None or address is None or address.display_name:
        return None
    quoted = Address(parts["name"].strip(), username=address.username, domain=address.domain)
    return quoted if _only(str(quoted)) == quoted else None


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
    if not address.endswith(">"):
        return address
    try:
        return mailbox(address).addr_spec
    except InvalidAddress:
        return address


def veiled(address: str) -> str:
    """Enough of an address for its owner to know it: ``"a…@x.example"``."""
    local, at, domain = plain(address).rpartition("@")
    return f"{local[:1]}…{at}{domain}"


def envelope(address: str) -> str:
    """
    The address as MAIL FROM and RCPT TO take it: without a display name, the domain in its ASCII
    form (RFC 5890).

    Raises:
        InvalidAddress: if it has no such form.
    """
    bare = plain(address)
    local, _, domain = bare.rpartition("@")
    if not local:
        return bare
    try:
        return f"{local.encode('ascii').decode()}@{_ascii(domain)}"
    except UnicodeError:
        raise InvalidAddress(address) from None


def _ascii(domain: str) -> str:
    return punycode(_kept(domain))


def _kept(domain: str) -> str:
    def encoded(label: re.Match[str]) -> str:
        return f"xn--{normalize('NFC', label[0].lower()).encode('punycode').decode()}"

    return _ALTERED.sub(encoded, domain)
