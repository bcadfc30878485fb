"""
Every error the library raises. :class:`NotifyAuditError` is the root of those a call can meet;
what is wrong in a project's configuration is Django's ``ImproperlyConfigured`` instead, so that
``except NotifyAuditError`` never hides it.
"""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from collections.abc import Iterable


class ConfigurationError(ImproperlyConfigured):
    """A setting, an action, an email class or the receiver of a signal is declared wrongly."""


class NotifyAuditError(Exception):
    """The root of all errors that a correct configuration can still meet."""


class UnknownAction(NotifyAuditError):
    """No ``Action`` class declares this action."""

    def __init__(self, action: object, known: "Iterable[str]") -> None:
        self.action = action
        nearest = get_close_matches(str(action), list(known), n=1, cutoff=0.4)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        super().__init__(
            f"No Action class declares {str(action)!r}.{hint} "
            "Declare it in the actions.py of an installed app: class MyAction(Action): ..."
        )


class ImmutableEvent(NotifyAuditError):
    """An audit event is a fact: it is written once and never changed."""

    def __init__(self, attempt: str) -> None:
        super().__init__(
            f"Audit events are append-only: {attempt} is refused. Record a further event instead."
        )


class UnsavedTarget(NotifyAuditError):
    """An event can only speak of an object that is in the database."""

    def __init__(self, target: object) -> None:
        super().__init__(
            f"{target.__class__.__name__} has no row in the database. Save it before you record what "
            "happened to it; record a deletion before the delete(), with snapshot=True."
        )


class WrongDatabase(NotifyAuditError):
    """Event and object must share one transaction, so they must share one database."""

    def __init__(self, target: object, alias: str | None, ledger: str) -> None:
        super().__init__(
            f"{target.__class__.__name__} lives in the database {alias!r}, the ledger in {ledger!r}: one "
            "transaction cannot span both. Set NOTIFYAUDIT['DATABASE'] to the alias whose objects you audit."
        )


class NotInTransaction(NotifyAuditError):
    """The caller opened no transaction, under ``REQUIRE_ATOMIC`` or for what makes no sense without one."""

    def __init__(self, call: str = "record()", *, message: str = "") -> None:
        super().__init__(
            message
            or f"{call} was called outside a transaction, and NOTIFYAUDIT['REQUIRE_ATOMIC'] is on. Wrap the "
            f"change and its {call} in one 'with transaction.atomic():'."
        )


class InvalidRecipient(NotifyAuditError):
    """``get_recipients()`` returned something that is neither a user nor an address."""

    def __init__(self, recipient: object) -> None:
        super().__init__(
            f"get_recipients() returned {recipient!r} ({type(recipient).__name__}). Return users "
            "(settings.AUTH_USER_MODEL) and plain addresses (str), or None for nobody."
        )


class RecipientsNotAList(NotifyAuditError):
    """``get_recipients()`` returned one string instead of a list."""

    def __init__(self, recipients: object) -> None:
        super().__init__(f"get_recipients() returned {recipients!r}. Return a list: [{recipients!r}].")


class InvalidMail(NotifyAuditError):
    """What an email class makes is no mail that can be sent, and will be none the next time."""


class InvalidHeader(InvalidMail):
    """A mail cannot carry this header."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"The header {name!r}: {problem}.")


class InvalidAddress(InvalidMail):
    """No mail can be delivered to this address."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address!r} is not an address that mail can be sent to.")


class EmptyMail(InvalidMail):
    """There is nothing to read in a mail."""

    def __init__(self, template_name: str) -> None:
        super().__init__(f"The template {template_name!r} says nothing: there is neither text nor an image.")


class UndefinedVariable(InvalidMail):
    """In a test, a template prints a variable that nobody has given it."""

    def __init__(self, names: "Iterable[str]") -> None:
        self.names = list(names)
        super().__init__(
            f"Not defined: {', '.join(self.names)}. Give it in get_context_data(), or say in the template "
            "what stands in its place: {{ name|default:'' }}."
        )


class WriteRefused(NotifyAuditError):
    """A mail that is only looked at must write nothing."""

    def __init__(self, sql: str) -> None:
        super().__init__(
            f"A preview writes nothing, so this is refused: {sql}. Make preview() of objects that are not "
            "saved, as cls.sample() takes them, and let the hooks that it calls only read."
        )


class ObjectGone(NotifyAuditError):
    """A receiver of a reliable signal was to get an object that is not in the database any more."""

    def __init__(self, argument: str, type_name: str, identifier: str) -> None:
        super().__init__(
            f"The argument {argument!r} was {type_name} {identifier}, which is gone. Send what its receivers "
            "need to know of an object that may be deleted, not the object."
        )


class RolledBack(NotifyAuditError):
    """A receiver of a reliable signal returned, but has marked its transaction to be rolled back."""

    def __init__(self, receiver: str) -> None:
        super().__init__(
            f"{receiver} returned, but its transaction is to be rolled back: by set_rollback(True), or after "
            "an error of the database that was caught. Put what may raise one into 'with "
            "transaction.atomic():', within the try."
        )
