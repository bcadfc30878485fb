"""Which email classes and actions were asserted by tests. Imports no Django: pytest loads it early."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(slots=True)
class Coverage:
    """
    Email classes by key and actions by value: where each that there is was declared, and those that were
    asserted. ``is_partial``: some tests were deselected.
    """

    classes: dict[str, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    asserted_classes: set[str] = field(default_factory=set)
    asserted_actions: set[str] = field(default_factory=set)
    is_partial: bool = False

    def clear(self) -> None:
        """Another run begins in this process."""
        for seen in (self.classes, self.actions, self.asserted_classes, self.asserted_actions):
            seen.clear()
        self.is_partial = False

    def email(self, key: str, actions: Iterable[str]) -> None:
        """A mail of this class, about events of these actions, was asserted as sent."""
        self.asserted_classes.add(key)
        self.asserted_actions.update(actions)

    def action(self, action: str) -> None:
        """An event of this action was asserted."""
        self.asserted_actions.add(action)

    def dump(self) -> dict[str, Any]:
        """As plain values, to go from a worker of pytest-xdist to its controller."""
        return {
            "classes": self.classes,
            "actions": self.actions,
            "asserted_classes": sorted(self.asserted_classes),
            "asserted_actions": sorted(self.asserted_actions),
            "is_partial": self.is_partial,
        }

    def unite(self, dumped: Mapping[str, Any]) -> Self:
        """Add what another process has seen."""
        self.classes |= dumped["classes"]
        self.actions |= dumped["actions"]
        self.asserted_classes.update(dumped["asserted_classes"])
        self.asserted_actions.update(dumped["asserted_actions"])
        self.is_partial |= dumped["is_partial"]
        return self

    @property
    def percent(self) -> float:
        """How many of all classes and actions were asserted; 100 if there are none."""
        total = len(self.classes) + len(self.actions)
        missing = len(self.missing_classes()) + len(self.missing_actions())
        return 100 * (total - missing) / total if total else 100.0

    def missing_classes(self) -> dict[str, str]:
        """The classes of which no mail was asserted, each with its place."""
        return {key: place for key, place in self.classes.items() if key not in self.asserted_classes}

    def missing_actions(self) -> dict[str, str]:
        """The actions of which no event was asserted, each with its place."""
        return {value: place for value, place in self.actions.items() if value not in self.asserted_actions}

    def lines(self) -> list[str]:
        """What is missing, as a table, and the sum."""
        found: list[str] = []
        for title, missing in (
            ("no test asserted a mail of", self.missing_classes()),
            ("no test asserted an event of", self.missing_actions()),
        ):
            if missing:
                width = max(map(len, missing))
                found += [title, *(f"  {name:<{width}}  {place}" for name, place in sorted(missing.items()))]
        classes = f"{len(self.classes) - len(self.missing_classes())} of {len(self.classes)} email classes"
        actions = f"{len(self.actions) - len(self.missing_actions())} of {len(self.actions)} actions"
        # Rounded, but all is all: 249 of 250 are not 100 %.
        percent = min(round(self.percent), 99) if found else 100
        found.append(f"{classes}, {actions}: {percent} %")
        if self.is_partial:
            found.append("Some tests were deselected; what they assert is missing here.")
        return found


coverage = Coverage()
"""What this process has seen."""
