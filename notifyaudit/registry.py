"""Which email classes there are, and which of them speak of an action."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from notifyaudit.patterns import matches

if TYPE_CHECKING:
    from notifyaudit.emails import AuditEmail


class EmailRegistry:
    """Every ``AuditEmail`` subclass, in the order of definition."""

    def __init__(self) -> None:
        self._classes: dict[tuple[str, str], type[AuditEmail]] = {}

    def add(self, email_class: "type[AuditEmail]") -> None:
        """Register a class; one that is defined again (an autoreload, a test) replaces itself."""
        self._classes[email_class.__module__, email_class.__qualname__] = email_class

    def __iter__(self) -> "Iterator[type[AuditEmail]]":
        """Those that can be sent: a class that neither names actions nor collects is a base for others."""
        return (each for each in self._classes.values() if each.actions or each.collects)

    def declared(self) -> "Iterator[type[AuditEmail]]":
        """All of them, those too that are a base for others."""
        return iter(self._classes.values())

    def get(self, key: str) -> "type[AuditEmail] | None":
        """The class with this key; ``None`` when this code does not know it (yet, or any more)."""
        return next((email_class for email_class in self if email_class.key == key), None)

    def for_action(self, action: str) -> "list[type[AuditEmail]]":
        """The classes that speak of this action, by its name or a pattern."""
        return [
            email_class
            for email_class in self
            if any(matches(action, pattern) for pattern in email_class.actions)
        ]

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Forget, at the end of the block, the classes that were defined in it (for tests)."""
        before = dict(self._classes)
        try:
            yield
        finally:
            self._classes = before


def most_specific_first(email_classes: "Iterable[type[AuditEmail]]", action: str) -> "list[type[AuditEmail]]":
    """Those that name the action itself, then those with the longest pattern that means it."""

    def vagueness(email_class: "type[AuditEmail]") -> tuple[bool, int]:
        meant = [pattern for pattern in map(str, email_class.actions) if matches(action, pattern)]
        return (action not in meant, -max(map(len, meant), default=0))

    return sorted(email_classes, key=vagueness)


emails = EmailRegistry()
