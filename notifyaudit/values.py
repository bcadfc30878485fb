"""Any Python value as JSON that a person can read. Never raises: it runs inside a caller's transaction."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django.core.files.base import File
from django.db.models import Model, QuerySet
from django.utils.duration import duration_string

from notifyaudit.identity import reference, repr_of
from notifyaudit.text import storable

_DEPTH = 32
_CONTAINERS = (Mapping, set, frozenset, list, tuple, QuerySet)


def to_json(value: Any) -> Any:
    """
    The value as JSON: numbers, texts, booleans, lists and dicts as they are; dates, times and UUIDs
    in ISO form; ``Decimal``, NaN and infinity as text; an enum as its value; a file as its name; bytes as
    their length; a model instance as its reference; a dataclass or named tuple as a dict, so that its
    fields can be masked by name; anything else as its ``str()``.
    """
    try:
        return _convert(value, _DEPTH)
    except Exception:  # noqa: BLE001 - a value's own code (an iterator, a __str__), see above
        return _unconverted(value)


def _convert(value: Any, depth: int) -> Any:  # noqa: C901, PLR0911 - a table, one line a type
    match value:
        case None | bool():
            return value
        case Enum():
            return _convert(value.value, depth)
        case int():
            return int(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return storable(str(value))
        case Decimal() | UUID():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return duration_string(value)
        case bytes() | bytearray() | memoryview():
            return f"{len(bytes(value))} bytes"
        case Model():
            return reference(value)
        case File():
            return storable(value.name or "")
    return _nested(value, depth) if depth else _unconverted(value)


def _unconverted(value: Any) -> str:
    # Never the str() of a container: no key could be masked in it any more.
    return f"<{type(value).__name__}>" if isinstance(value, _CONTAINERS) else repr_of(value)


def _nested(value: Any, depth: int) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    match value:
        case Mapping():
            return {storable(str(key)): _convert(item, depth - 1) for key, item in value.items()}
        case set() | frozenset():
            return sorted((_convert(item, depth - 1) for item in value), key=str)
        case list() | tuple() | QuerySet():
            return [_convert(item, depth - 1) for item in value]
    return repr_of(value)
