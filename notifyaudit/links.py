"""
The links of a mail by which its reader, and nobody else, decides what comes: what they say, and where they
lead. They name a reader without telling an address.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from django.urls import NoReverseMatch, reverse

from notifyaudit import conf, reading, siteurls
from notifyaudit.identity import resolve
from notifyaudit.models import Preference
from notifyaudit.preferring import needs_row, preference_of, recipient_of
from notifyaudit.recipients import Recipient
from notifyaudit.tokens import InvalidToken, Purpose, read, sign

NOBODY = "p0"
"""The name in a link that is only looked at, as in a preview: no reader has it."""


class Extent(StrEnum):
    """How much a link stops."""

    KIND = "e"
    OBJECT = "o"
    EVERYTHING = "a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """
    What a mail is about, and which of it a link stops.

    Args:
        extent: the kind of email, the object, or everything that is not mandatory.
        email_key: the kind of email; empty: the mail has none that can be stopped alone.
        target_type: the object, as the ledger names it; empty: the mail is about none, or several.
        target_id: likewise.
    """

    extent: Extent
    email_key: str = ""
    target_type: str = ""
    target_id: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """
    Who holds a link.

    Args:
        name: ``u`` and a user's id, or ``p`` and the key of a ``Preference``.
        recipient: as the ledger names them.
        user: ``None``: they have a plain address.
        preference: theirs; not saved, if they have none.
    """

    name: str
    recipient: Recipient
    user: Any
    preference: Preference

    @property
    def language(self) -> str:
        """That of their mails, if they or the project have said which; else empty."""
        return reading.asked_safely(reading.said_language, self.user, self.preference)

    @classmethod
    def of(cls, user: Any) -> Self:
        """Whoever is signed in."""
        recipient = Recipient.of(user)
        preference = preference_of(recipient)
        return cls(name_of(recipient.user_id, preference), recipient, user, preference)

    @classmethod
    def named(cls, name: str) -> Self:
        """
        The reader whom a token names.

        Raises:
            InvalidToken: if there is none (any more).
        """
        alias, kind, identifier = conf.current().DATABASE, name[:1], name[1:]
        if kind == "u":
            user = resolve(conf.user_model(), identifier, alias)
            if user is None:
                raise InvalidToken
            recipient = Recipient.of(user)
            return cls(name, recipient, user, preference_of(recipient))
        if kind != "p" or not identifier.isdecimal():
            raise InvalidToken
        row = Preference.objects.using(alias).select_related("user").filter(pk=int(identifier)).first()
        if row is None:
            raise InvalidToken
        return cls(name, recipient_of(row), row.user, row)


def name_of(user_id: str, preference: Preference | None) -> str:
    """
    What links call a reader: a user by their id; anybody else, and a user whose id may be an address, by
    their row of preferences.
    """
    if user_id and not needs_row(Recipient("", user_id)):
        return f"u{user_id}"
    return f"p{preference.pk}" if preference is not None and preference.pk else NOBODY


def unsubscribe_token(name: str, scope: Scope) -> str:
    """The token of a link that stops this for the reader of this name."""
    fields = [name, scope.extent, scope.email_key, scope.target_type, scope.target_id]
    return sign(Purpose.UNSUBSCRIBE, *fields)


def read_unsubscribe_token(token: str) -> tuple[str, Scope]:
    """
    The reader's name and what it stops. :meth:`Reader.named` finds who that is.

    Raises:
        InvalidToken: if this site has not signed it for that.
    """
    name, extent, email_key, target_type, target_id = _fields(Purpose.UNSUBSCRIBE, token, count=5)
    scope = Scope(extent=Extent(extent), email_key=email_key, target_type=target_type, target_id=target_id)
    return name, scope


def preferences_token(name: str) -> str:
    """The token of a link to the preferences of the reader of this name."""
    return sign(Purpose.PREFERENCES, name)


def read_preferences_token(token: str) -> str:
    """
    The reader's name.

    Raises:
        InvalidToken: if this site has not signed it for that.
    """
    return _fields(Purpose.PREFERENCES, token, count=1)[0]


def undo_token(event_id: int) -> str:
    """The token of a link that takes back what this event tells of."""
    return sign(Purpose.UNDO, str(event_id))


def read_undo_token(token: str) -> int:
    """
    The event's primary key.

    Raises:
        InvalidToken: if this site has not signed it for that.
    """
    return int(_fields(Purpose.UNDO, token, count=1)[0])


def unsubscribe_url(name: str, scope: Scope) -> str:
    """The whole URL; empty if the project has no such page, or nobody knows the site's."""
    return absolute("notifyaudit:unsubscribe", unsubscribe_token(name, scope))


def preferences_url(name: str) -> str:
    """
    The whole URL of the page where this reader chooses what comes; empty if there is none. Users sign in, and
    others have a token.
    """
    if name.startswith("u"):
        return absolute("notifyaudit:preferences")
    return absolute("notifyaudit:preferences", preferences_token(name))


def absolute(view: str, *args: str) -> str:
    """The whole URL of a view of the library; empty if there is none, or nobody knows the site's."""
    path = _path(view, *args)
    return siteurls.absolute(path) if path and conf.base_url() else ""


def has_page(view: str) -> bool:
    """Whether the project serves this view, of one token, at all."""
    return bool(_path(view, "token"))


def _path(view: str, *args: str) -> str:
    if not conf.has_urls():
        return ""
    try:
        return reverse(view, args=args)
    except NoReverseMatch:
        return ""


def _fields(purpose: Purpose, token: str, *, count: int) -> list[str]:
    fields = read(purpose, token)
    if len(fields) != count:
        raise InvalidToken
    return fields
