"""What a question asks for: a class and criteria, checked before anything is compared."""

import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.utils import timezone
from django.utils.functional import Promise
from soupsieve import SelectorSyntaxError

from notifyaudit import clock
from notifyaudit.actions import known
from notifyaudit.emails import AuditEmail
from notifyaudit.identity import has_key
from notifyaudit.patterns import matches
from notifyaudit.testing.criteria import CRITERIA, is_predicate

if TYPE_CHECKING:
    from notifyaudit.testing.outgoing import OutgoingEmail

EmailClass = type[AuditEmail] | Callable[[Any], Any] | None
"""A class, which stands for its subclasses too, or a predicate of the whole mail."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question asks for. Checked when it is made, so that a slip is not an answer."""

    email_class: EmailClass
    criteria: Mapping[str, Any]

    @classmethod
    def of(
        cls, question: str, email_class: EmailClass, criteria: Mapping[str, Any], allowed: type
    ) -> "Wanted":
        """
        Args:
            question: the method that was called.
            email_class: a class, a predicate, or ``None``.
            criteria: its keyword arguments.
            allowed: the ``TypedDict`` of those it takes.

        Raises:
            TypeError: if it takes no such argument, or one is of the wrong type.
            ValueError: if every mail would meet one, or no mail ever could: ``None``, an empty text, an
                object without a row, an action that is declared nowhere.
        """
        __tracebackhide__ = True
        names = list(allowed.__annotations__)
        if email_class is not None and not callable(email_class):
            raise TypeError(f"{question}() takes an email class or a predicate first, not {email_class!r}.")
        if isinstance(email_class, type) and not issubclass(email_class, AuditEmail):
            raise TypeError(f"{question}() got {email_class.__name__}, which is no AuditEmail.")
        for name, wanted in criteria.items():
            if name not in names:
                # One of another question is no slip of the pen.
                nearest = get_close_matches(name, names, n=1) if name not in CRITERIA else []
                hint = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(names)}."
                raise TypeError(f"{question}() knows no {name!r}; {hint}")
            _check(question, name, wanted)
        return cls(email_class, criteria)

    def only(self, names: Container[str]) -> "Wanted":
        """
        The same without the other criteria, and without a predicate in the place of the class: it may ask
        the whole mail.
        """
        kept = {name: wanted for name, wanted in self.criteria.items() if name in names}
        return Wanted(self.email_class if isinstance(self.email_class, type) else None, kept)

    def __str__(self) -> str:
        is_class = isinstance(self.email_class, type)
        words = [getattr(self.email_class, "__name__", "") if is_class else "mail"]
        if "to" in self.criteria:
            words.append(f"to {recipient(self.criteria['to'])}")
        if self.email_class is not None and not is_class:
            words.append(shown(self.email_class))
        others = [f"{name} {shown(wanted)}" for name, wanted in self.criteria.items() if name != "to"]
        return " ".join(words) + (f" with {', '.join(others)}" if others else "")

    def means(self, email: "OutgoingEmail") -> bool:
        """Whether this mail is meant."""
        return next(self._misses(email), None) is None

    def missed(self, email: "OutgoingEmail") -> list[str]:
        """The names of the criteria that this mail does not meet; empty if it is meant."""
        return list(self._misses(email))

    def _misses(self, email: "OutgoingEmail") -> Iterator[str]:
        # The cheap ones first: they stand in this order in the table.
        if not self._is_of_class(email):
            yield "class"
        for name, criterion in CRITERIA.items():
            if name in self.criteria and not criterion.meets(email, self.criteria[name]):
                yield name

    def _is_of_class(self, email: "OutgoingEmail") -> bool:
        if self.email_class is None:
            return True
        if isinstance(self.email_class, type):
            return issubclass(email.email_class, self.email_class)
        return bool(self.email_class(email))


ANY = Wanted(None, {})
"""What is wanted by who asks about all mails."""


def _check(question: str, name: str, wanted: Any) -> None:
    __tracebackhide__ = True
    criterion = CRITERIA[name]
    if wanted is None or (isinstance(wanted, str | Mapping | tuple | list) and not wanted):
        raise ValueError(f"{question}() got {name}={wanted!r}; leave it out to ask about any.")
    if is_predicate(wanted) or (isinstance(wanted, re.Pattern) and criterion.texts is not None):
        return
    if isinstance(wanted, type | re.Pattern) or not criterion.is_value(wanted):
        pattern = ", a compiled pattern" if criterion.texts is not None else ""
        raise TypeError(
            f"{question}() takes as {name} {criterion.takes}{pattern}, or a predicate; not {wanted!r}."
        )
    if isinstance(wanted, Model):
        check_row(question, name, wanted)
    if name == "action":
        check_action(question, str(wanted))
    if name == "due" and timezone.is_naive(wanted) != timezone.is_naive(clock.now()):
        kind = "no time zone" if timezone.is_naive(wanted) else "a time zone"
        raise ValueError(f"{question}() got due={wanted!r}, which has {kind}: no mail could be due then.")
    if name == "selector":
        check_selector(question, wanted if isinstance(wanted, str) else wanted[0])


def check_row(question: str, name: str, instance: Model) -> None:
    """
    Raises:
        ValueError: if the instance has no key by which the ledger could know it.
    """
    __tracebackhide__ = True
    if not has_key(instance):
        raise ValueError(
            f"{question}() got {name}={instance!r}, which has no row: it is not saved, or its delete() "
            f"has taken its key. Keep the key before, and ask for {instance._meta.object_name}(pk=key)."
        )


def check_action(question: str, action: str) -> None:
    """
    Raises:
        ValueError: if it is declared nowhere, or a pattern that no declared action matches.
    """
    __tracebackhide__ = True
    values = known.values()
    if not any(matches(value, action) for value in values):
        nearest = get_close_matches(action, values, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
        raise ValueError(f"{question}() got the action {action!r}, which no Action class declares{hint}")


def check_selector(question: str, selector: str) -> None:
    """
    Raises:
        ValueError: if it is no CSS selector.
    """
    __tracebackhide__ = True
    try:
        BeautifulSoup("", "html.parser").select(selector)
    except SelectorSyntaxError as error:
        problem = str(error).partition("\n")[0]
    else:
        return
    raise ValueError(f"{question}() got {selector!r}, which is no CSS selector: {problem}")


def recipient(wanted: Any) -> str:
    """Who was asked for, with the address by which the table of mails knows them."""
    if not isinstance(wanted, get_user_model()):
        return named(wanted)
    address = getattr(wanted, wanted.get_email_field_name()) or ""
    return f"{wanted} <{address}>" if address not in {"", str(wanted)} else str(wanted)


def named(wanted: Any) -> str:
    """What was wanted, as a noun."""
    return f"one {shown(wanted)}" if is_predicate(wanted) else shown(wanted)


def shown(wanted: Any) -> str:
    """What was wanted, behind a noun."""
    if isinstance(wanted, re.Pattern):
        return f"/{wanted.pattern}/"
    if is_predicate(wanted):
        return f"that satisfies {_called(wanted)}"
    if isinstance(wanted, Model | datetime):
        return str(wanted)
    if isinstance(wanted, tuple | list):
        return " and ".join(map(shown, wanted))
    if isinstance(wanted, Mapping):
        return ", ".join(f"{name}: {shown(value)}" for name, value in wanted.items())
    return repr(str(wanted)) if isinstance(wanted, str | Promise) and " " in str(wanted) else str(wanted)


def _called(predicate: Callable[[Any], Any]) -> str:
    name = str(getattr(predicate, "__name__", repr(predicate)))
    code = getattr(predicate, "__code__", None)
    if name != "<lambda>" or code is None:
        return name
    return f"the lambda of {Path(code.co_filename).name}:{code.co_firstlineno}"
