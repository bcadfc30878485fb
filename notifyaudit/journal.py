"""What one transaction has written and recorded so far, so that a savepoint can take its part back. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Write:
    """
    A write to an audited model.

    Args:
        label: the model, ``"app.Model"``.
        operation: ``"insert"``, ``"update"`` or ``"delete"``.
        path: the file that wrote; empty when nothing in the stack tells.
        line: the line in it.
        owner: the table whose model an event must be about.
    """

    label: str
    operation: str
    path: str
    line: int
    owner: str = field(repr=False)

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.path else "an unknown line"
        return f"{self.operation} of {self.label} at {place}"


@dataclass(frozen=True, slots=True)
class _Covered:
    owner: str


@dataclass(frozen=True, slots=True)
class _Savepoint:
    name: str


class Journal:
    """
    The entries of one transaction in order. An entry that is there already is not added again: whatever
    takes back the earlier one takes back the later one too. So it stays as small as the code that writes.
    """

    def __init__(self) -> None:
        self._entries: dict[Write | _Covered | _Savepoint, None] = {}

    def write(self, write: Write) -> None:
        """A write that needs an event."""
        self._entries.setdefault(write)

    def cover(self, owners: Iterable[str]) -> None:
        """An event about the model with the first of these tables; the others are its parents'."""
        for owner in owners:
            self._entries.setdefault(_Covered(owner))

    def covers(self, owner: str) -> bool:
        """Whether a write that comes now is covered: what takes back the event takes it back too."""
        return _Covered(owner) in self._entries

    def begin(self, savepoint: str) -> None:
        """A savepoint begins; one of the same name is hidden by it."""
        self._entries.pop(_Savepoint(savepoint), None)
        self._entries[_Savepoint(savepoint)] = None

    def release(self, savepoint: str) -> None:
        """A savepoint ends well: its entries are its surroundings' now."""
        self._entries.pop(_Savepoint(savepoint), None)

    def undo(self, savepoint: str) -> None:
        """Forget what came after a savepoint began; everything, if it began before this journal."""
        if _Savepoint(savepoint) not in self._entries:
            self._entries.clear()
            return
        while next(reversed(self._entries)) != _Savepoint(savepoint):
            self._entries.popitem()

    def forgotten(self) -> list[Write]:
        """The writes of which no event speaks, wherever in the transaction it was recorded."""
        return [
            entry
            for entry in self._entries
            if isinstance(entry, Write) and _Covered(entry.owner) not in self._entries
        ]
