"""
Which changes somebody wants to hear of: the ``where`` of a subscription. Pure: JSON in, a verdict out.

The form is that of Django's lookups: ``{"status": "completed", "price__gt": 100}``. Every entry must hold of
a field that the event has changed.
"""

import hashlib
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

from notifyaudit.values import to_json

Condition = dict[str, Any]

Test = Callable[[Any, Any, Any], bool]
"""Of the value before, the value after, and the one that is wanted."""


def parse(where: Mapping[str, Any]) -> Condition:
    """
    The condition as it is stored.

    Raises:
        TypeError: if it is no mapping of field names.
        ValueError: if a lookup does not exist (the nearest is named), or its value makes no sense.
    """
    if not isinstance(where, Mapping) or not all(isinstance(name, str) and name for name in where):
        raise TypeError(f"where must be a mapping such as {{'status': 'completed'}}, not {where!r}.")
    condition = {name: to_json(wanted) for name, wanted in where.items()}
    for name, wanted in condition.items():
        _, lookup = _split(name)
        if lookup not in _LOOKUPS:
            nearest = get_close_matches(lookup, _LOOKUPS, n=1, cutoff=0.3)
            hint = f" Did you mean {name.removesuffix(lookup)}{nearest[0]!s}?" if nearest else ""
            raise ValueError(f"where[{name!r}]: there is no lookup {lookup!r}.{hint} See {_NAMES}.")
        expected = _EXPECTED.get(lookup)
        if expected and not isinstance(wanted, expected):
            raise ValueError(f"where[{name!r}] must be a {expected.__name__}, not {where[name]!r}.")
    return condition


def key_of(condition: Condition) -> str:
    """What tells two conditions apart; empty for none. 64 characters at most."""
    if not condition:
        return ""
    return hashlib.sha256(json.dumps(condition, sort_keys=True).encode()).hexdigest()


def holds(condition: Condition, changes: Mapping[str, Sequence[Any]]) -> bool:
    """Whether an event's stored changes, ``{field: [old, new]}``, meet every entry; none always is met."""
    return all(_entry_holds(name, wanted, changes) for name, wanted in condition.items())


def entries(condition: Condition) -> list[tuple[str, str, Any]]:
    """Field, lookup and wanted value of each entry, for whoever puts it into words."""
    return [(*_split(name), wanted) for name, wanted in condition.items()]


def _entry_holds(name: str, wanted: Any, changes: Mapping[str, Sequence[Any]]) -> bool:
    field, lookup = _split(name)
    if field not in changes:
        return lookup == "changed" and not wanted
    old, new = changes[field]
    # Newer code, beside which this worker runs in a rolling deploy, may know further lookups.
    return lookup in _LOOKUPS and _LOOKUPS[lookup](old, new, wanted)


def _split(name: str) -> tuple[str, str]:
    field, separator, lookup = name.rpartition("__")
    return (field, lookup) if separator and field else (name, "exact")


def _compared(compare: Callable[[Any, Any], bool]) -> Test:
    def test(_old: Any, new: Any, wanted: Any) -> bool:
        try:
            return compare(_as(wanted, new), wanted)
        except (TypeError, InvalidOperation):
            return False

    return test


def _as(wanted: Any, value: Any) -> Any:
    # A Decimal is stored as text, in which "9" is more than "10".
    is_number = isinstance(wanted, int | float) and not isinstance(wanted, bool)
    return Decimal(value) if is_number and isinstance(value, str) else value


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(_as(other, one) == other) and isinstance(one, bool) == isinstance(other, bool)
    except InvalidOperation:
        return False


_LOOKUPS: dict[str, Test] = {
    "exact": lambda _old, new, wanted: _same(new, wanted),
    "was": lambda old, _new, wanted: _same(old, wanted),
    "in": lambda _old, new, wanted: any(_same(new, each) for each in wanted),
    "changed": lambda _old, _new, wanted: bool(wanted),
    "gt": _compared(operator.gt),
    "gte": _compared(operator.ge),
    "lt": _compared(operator.lt),
    "lte": _compared(operator.le),
}
_EXPECTED: dict[str, type] = {"in": list, "changed": bool}
_NAMES = ", ".join(f"field__{name}" for name in _LOOKUPS if name != "exact")
