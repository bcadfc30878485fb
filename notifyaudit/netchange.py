"""
What is left of many changes when only the first and the last state count. Pure: plain values in and out.

The rules, per object and in the order of the events:

- A field has changed from the first old value to the last new one: A→B, B→C is A→C. Also over a gap, where
  somebody wrote without an event: A→B, C→D is A→D. Where both are the :func:`same`, it has not changed.
- A masked value cannot be compared. A field that had one in any of the events has changed.
- An event with a snapshot is a deletion, until a later event with changes shows that the object is there.
  Then it was something that happened. A deletion keeps the last values, and what had changed until then.
- An object that was created is shown with its last values. One that was created and deleted has left
  nothing. One that was deleted and created again has changed from what it was.
- An event with neither changes nor a snapshot is something that happened, and is counted, also if the object
  has come and gone.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from notifyaudit.masking import MASK

_REFERENCE = {"type", "id", "repr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """
    What counts of an event.

    Args:
        about: names the object, as type and id do. For events without one, what keeps apart those that have
            nothing to do with each other, such as the action.
        action: what happened.
        changes: ``{field: (old, new)}``, as stored.
        created: whether the object came into being; see :func:`is_creation`.
        snapshot: the values of the row that was deleted.
    """

    about: Hashable
    action: str
    changes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    created: bool = False
    snapshot: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetChange:
    """
    What is left of the events about one object.

    Args:
        about: the object, as its events name it.
        changes: ``{field: (old, new)}``; from ``None`` when it was created.
        created: it is there now, and was not before.
        snapshot: its last values, if it was there before and is not now; else ``None``.
        happened: how often what happened without a change, by action.
    """

    about: Hashable
    changes: Mapping[str, tuple[Any, Any]]
    created: bool
    snapshot: Mapping[str, Any] | None
    happened: Mapping[str, int]

    @property
    def deleted(self) -> bool:
        """It was there before, and is not now."""
        return self.snapshot is not None

    def __bool__(self) -> bool:
        """Whether anything is left to tell."""
        return bool(self.changes or self.created or self.deleted or self.happened)


def net_changes(occurrences: Iterable[Occurrence]) -> list[NetChange]:
    """
    One for each object of which something is left, in the order in which they first occur; fields likewise.
    Memory grows with the objects, their fields and actions, and not with the events.

    Args:
        occurrences: in the order in which they happened.
    """
    histories: defaultdict[Hashable, _History] = defaultdict(_History)
    for occurrence in occurrences:
        histories[occurrence.about].add(occurrence)
    found = (history.net(about) for about, history in histories.items())
    return [net for net in found if net]


def is_creation(changes: Mapping[str, Sequence[Any]], never_null: Collection[str]) -> bool:
    """
    Whether these are the first values of a row: a field that cannot be null had no value. That all old values
    are ``None`` proves nothing: so they are when somebody fills in the one field that was null.

    Args:
        changes: ``{field: (old, new)}``, as stored.
        never_null: the fields of the model that hold a value in every row; many-to-many ones are such, too.
    """
    return any(name in never_null and sides[0] is None for name, sides in changes.items())


def same(one: Any, other: Any) -> bool:
    """
    Whether two stored values say the same. Unlike in Python ``True`` is not 1; but 1 is 1.0, since databases
    do not keep the difference. References are compared without what the objects are called, and lists of
    nothing but references, such as many-to-many relations, without their order. What is masked is never
    the same, not even as itself.
    """
    if MASK in (one, other):
        return False
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _same_mapping(one, other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return _same_list(one, other)
    return bool(one == other)


def _same_mapping(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if _is_reference(one) and _is_reference(other):
        return _name(one) == _name(other)
    return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)


def _same_list(one: Sequence[Any], other: Sequence[Any]) -> bool:
    if all(map(_is_reference, (*one, *other))):
        return {*map(_name, one)} == {*map(_name, other)}
    return len(one) == len(other) and all(map(same, one, other))


def _is_reference(value: Any) -> bool:
    # One without an id was of an unsaved object: only what it was called tells it from others.
    return isinstance(value, Mapping) and value.keys() == _REFERENCE and value["id"] != ""


def _name(reference: Mapping[str, Any]) -> tuple[str, str]:
    return str(reference["type"]), str(reference["id"])


class _Field:
    """The two ends of a field's changes."""

    __slots__ = ("masked", "new", "old")

    def __init__(self, old: Any) -> None:
        self.old, self.masked = old, False

    def set(self, old: Any, new: Any) -> None:
        self.new = new
        self.masked = self.masked or not (same(old, old) and same(new, new))


class _History:
    """What is known of an object so far."""

    __slots__ = ("deletion", "fields", "happened", "was_there")

    def __init__(self) -> None:
        self.fields: dict[str, _Field] = {}
        self.happened: Counter[str] = Counter()
        self.deletion: Occurrence | None = None
        self.was_there: bool | None = None

    def add(self, occurrence: Occurrence) -> None:
        former = self._come_into_being() if occurrence.created else None
        if occurrence.changes and self.deletion:
            self.happened[self.deletion.action] += 1
            self.deletion = None
        for name, (old, new) in occurrence.changes.items():
            if name not in self.fields:
                self.fields[name] = _Field(old if former is None else former.get(name))
            self.fields[name].set(old, new)
        if occurrence.snapshot is not None:
            self.deletion = occurrence
            self.was_there = self.was_there is not False
        elif not occurrence.changes and not occurrence.created:
            self.happened[occurrence.action] += 1

    def _come_into_being(self) -> Mapping[str, Any] | None:
        """The values that the object had before it was deleted; ``None``: it was not."""
        if self.deletion is None:
            self.was_there = self.was_there is True
            return None
        former, self.deletion = self.deletion.snapshot, None
        for known in self.fields.values():
            known.new = None
        return former

    def net(self, about: Hashable) -> NetChange:
        new = self.was_there is False
        gone = self.deletion is not None
        return NetChange(
            about=about,
            changes={} if new and gone else self._changes(from_nothing=new),
            created=new and not gone,
            snapshot=self.deletion.snapshot if self.deletion and not new else None,
            happened=dict(self.happened),
        )

    def _changes(self, *, from_nothing: bool) -> dict[str, tuple[Any, Any]]:
        changes = {}
        for name, known in self.fields.items():
            old = None if from_nothing else known.old
            if not same(old, known.new):
                changes[name] = (old, known.new)
            elif known.masked:  # somewhere in between
                changes[name] = (None if from_nothing else MASK, MASK)
        return changes
