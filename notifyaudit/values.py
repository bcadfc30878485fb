"""Any Python value as JSON that a person can read. Never raises: it runs inside a caller's transaction."""

import dataclasses
import math
from collections import deque
from collections.abc import ItemsView, KeysView, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django.core.files.base import File
from django.db.models import Model, QuerySet
from django.utils.duration import duration_string
from django.utils.functional import LazyObject, empty

from notifyaudit.identity import reference, repr_of
from notifyaudit.text import storable

DEPTH = 24
"""Levels of nesting. MariaDB takes 31 in a JSON column, and an event puts a value up to three deep."""

SIZE = 100_000
"""Values in one structure: one that holds itself, or the same part again and again, has no end."""

CUT = "…"
"""What stands for the part of a structure that is left out."""

_INT_BITS = 3300
"""About a thousand digits; Python itself refuses to read or write many more."""


def to_json(value: Any) -> Any:
    """
    The value as JSON: numbers, texts, booleans, lists and dicts as they are; dates, times and UUIDs
    in ISO form; ``Decimal``, NaN and infinity as text; an enum as its value; a file as its name; bytes as
    their length; a model instance as its reference; dataclasses and named tuples as dicts, so that their
    secrets are masked by name; anything else as its ``str()``.
    """
    return _Conversion().of(value, DEPTH)


def pairs(changes: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """
    ``{field: (old, new)}`` as JSON.

    Raises:
        TypeError: if it is no mapping, or a value no pair.
    """
    if not isinstance(changes, Mapping):
        raise TypeError(f"changes must be a mapping {{field: (old, new)}}, not {changes!r}.")
    for name, sides in changes.items():
        if isinstance(sides, str) or not isinstance(sides, Sequence) or len(sides) != 2:  # noqa: PLR2004
            raise TypeError(f"changes[{name!r}] must be a pair (old, new), not {sides!r}.")
    return {storable(str(name)): [to_json(side) for side in sides] for name, sides in changes.items()}


def mapping(data: Any) -> Any:
    """
    The data of an event as JSON.

    Raises:
        TypeError: if it is no mapping.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"data must be a mapping, not {data!r}.")
    return to_json(data)


class _Conversion:
    def __init__(self) -> None:
        self._left = SIZE
        self._open: set[int] = set()

    def of(self, value: Any, depth: int) -> Any:
        self._left -= 1
        try:
            value = unwrapped(value)
            parts = _parts(value)
            if parts is None:
                return self._scalar(value, depth)
            # Never the str() of a structure: it has no end either, and nothing in it would be masked.
            if not depth or self._left <= 0 or id(value) in self._open:
                return CUT
            self._open.add(id(value))
            try:
                return self._structure(parts, depth - 1)
            finally:
                self._open.discard(id(value))
        except Exception:  # noqa: BLE001 - a value's own code (an iterator, a property), see the module
            return f"<{type(value).__name__}>"

    def _structure(self, parts: Any, depth: int) -> Any:
        match parts:
            case Mapping():
                return {_key(key): self.of(item, depth) for key, item in self._affordable(parts.items())}
            case AbstractSet():
                return sorted((self.of(item, depth) for item in self._affordable(parts)), key=str)
        return [self.of(item, depth) for item in self._affordable(parts)]

    def _affordable(self, items: Any) -> Any:
        for item in items:
            if self._left <= 0:
                return
            yield item

    def _scalar(self, value: Any, depth: int) -> Any:  # noqa: C901, PLR0911 - a table, one line a type
        match value:
            case None | bool():
                return value
            case Enum():
                return self.of(value.value, depth)
            case int():
                # Hexadecimal is the only notation of any length that Python writes.
                return int(value) if value.bit_length() <= _INT_BITS else hex(value)
            case float():
                return float(value) if math.isfinite(value) else str(float(value))
            case str():
                return storable(str(value))
            case datetime() | date() | time():
                return value.isoformat()
            case timedelta():
                return duration_string(value)
            case bytes() | bytearray():
                return f"{len(value)} bytes"
            case memoryview():
                return f"{value.nbytes} bytes"
            case Model():
                return reference(value)
            case File():
                return storable(str(value.name or ""))
        return repr_of(value)


def unwrapped(value: Any) -> Any:
    """What a lazy object, such as ``request.user``, stands for; anything else as it is."""
    while issubclass(type(value), LazyObject):
        if value._wrapped is empty:  # noqa: SLF001 - there is no public way
            value._setup()  # noqa: SLF001
        value = value._wrapped  # noqa: SLF001
    return value


def _parts(value: Any) -> Any:  # noqa: PLR0911 - a table as well
    """What a structure consists of: a mapping, a set or an iterable; ``None``: it is no structure."""
    match value:
        case str() | bytes() | bytearray() | Enum() | Decimal() | UUID() | Model() | File() | None:
            return None
        case Mapping():
            return value
        case ItemsView():
            return dict(value)
        case tuple() if hasattr(value, "_asdict"):
            return value._asdict()
        case list() | tuple() | deque() | range() | KeysView() | ValuesView() | AbstractSet() | QuerySet():
            return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return _range(value)


def _range(value: Any) -> Mapping[str, Any] | None:
    # Asked of the class: a mock has any attribute. In the form of Django's own RangeField.
    kind = type(value)
    if not all(hasattr(kind, name) for name in ("lower", "upper", "lower_inc", "upper_inc", "isempty")):
        return None
    if value.isempty:
        return {"empty": True}
    bounds = ("[" if value.lower_inc else "(") + ("]" if value.upper_inc else ")")
    return {"lower": value.lower, "upper": value.upper, "bounds": bounds}


def _key(key: Any) -> str:
    return repr_of(key.value if isinstance(key, Enum) else key)
