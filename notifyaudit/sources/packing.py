"""
The arguments of a signal as text: each so that it comes back as of the type it is, or refused.

JSON, in which a dict with one key that begins with ``$`` stands for what JSON does not have.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from inspect import isclass
from math import isfinite
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Model
from django.utils.safestring import SafeString

from notifyaudit.exceptions import NotifyAuditError
from notifyaudit.identity import id_of, model_of
from notifyaudit.naming import is_found, path_of
from notifyaudit.secrecy import has_secret_key
from notifyaudit.subjects import require_saved
from notifyaudit.values import unwrapped

DEPTH = 50
"""Levels of nesting; what holds itself has more."""

_INT_BITS = 3300
"""About a thousand digits; Python itself refuses to read or write many more."""

_EXACT = (SafeString, datetime, date, time, timedelta, Decimal, UUID, bytes)
"""An object of a subclass would come back without what makes it one."""

_FROZEN = "freezegun.api"
"""Its subclasses stand for the real ones while it has stopped the clock."""

_MENDS: tuple[tuple[str, str], ...] = (
    ("QuerySet", "list(…) of it, or the values that the receiver needs"),
    ("__proxy__", "str(…) of it"),
    ("bytearray", "bytes(…) of it"),
    ("memoryview", "bytes(…) of it"),
)


def dumps(arguments: Mapping[str, Any]) -> str:
    """
    The arguments as text. Model instances are stored by reference, and read again.

    Raises:
        TypeError: for a value that would not come back as what it is; the message names it.
        UnsavedTarget: for a model instance that is not in the database.
        WrongDatabase: for one of another database than the ledger's.
    """
    return _text({name: _encoded(name, value) for name, value in arguments.items()})


def dumps_sender(sender: Any) -> str:
    """
    The sender of a signal as text: as an argument, or a class or function by its path.

    Raises:
        Exception: as :func:`dumps`.
    """
    if isclass(sender) and issubclass(sender, Model):
        return _text(_of_model(sender))
    if isclass(sender) or (callable(sender) and not isinstance(unwrapped(sender), Model)):
        return _text({"$path": _path_of(sender, "sender")})
    return _text(_encoded("sender", sender))


def _text(tree: Any) -> str:
    # ASCII: no database has anything against it, not even against an escaped NUL.
    return json.dumps(tree, allow_nan=False, separators=(",", ":"))


def _encoded(name: str, value: Any) -> Any:
    try:
        return _encode(value, name, DEPTH)
    except NotifyAuditError as error:
        error.add_note(
            f"It is the argument {name!r} of send_reliable(), whose receivers run after the commit. Of what "
            "is to be deleted, pass what they need to know: its pk, its name."
        )
        raise


def _encode(value: Any, where: str, depth: int) -> Any:  # noqa: C901, PLR0911, PLR0912 - a table
    if not depth:
        raise TypeError(f"send_reliable(): {where} is nested deeper than {DEPTH} levels, or holds itself.")
    value = unwrapped(value)
    kind = type(value)
    if value is None or kind in {bool, str}:
        return value
    if kind is int:
        return value if value.bit_length() <= _INT_BITS else {"$int": hex(value)}
    if kind is float:
        return value if isfinite(value) else {"$float": str(value)}
    if kind in {list, tuple, set, frozenset}:
        items = [_encode(item, f"{where}[{number}]", depth - 1) for number, item in enumerate(value)]
        return items if kind is list else {f"${kind.__name__}": items}
    if kind is dict:
        return _of_dict(value, where, depth - 1)
    match value:
        case Enum():
            return {"$enum": _of_enum(value, where, depth - 1)}
        case _ if isinstance(value, _EXACT) and kind not in _EXACT and kind.__module__ != _FROZEN:
            pass
        case SafeString():
            # str() of one is safe again.
            return {"$safe": "".join(value)}
        case datetime() | time():
            return {f"${'datetime' if isinstance(value, datetime) else 'time'}": _of_time(value, where)}
        case date():
            return {"$date": value.isoformat()}
        case timedelta():
            return {"$timedelta": [value.days, value.seconds, value.microseconds]}
        case Decimal():
            return {"$decimal": str(value)}
        case UUID():
            return {"$uuid": str(value)}
        case bytes():
            return {"$bytes": b64encode(value).decode()}
        case Model():
            return {"$object": _of_object(value, where)}
    if isclass(value) and issubclass(value, Model):
        return _of_model(value)
    mend = next((mend for name, mend in _MENDS if name in {base.__name__ for base in kind.__mro__}), "")
    raise TypeError(
        f"send_reliable(): {where} is of {kind.__module__}.{kind.__qualname__}, which the receivers would "
        f"not get as it is. Pass {mend or 'the values of it that they need'}."
    )


def _of_dict(value: dict[Any, Any], where: str, depth: int) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: _encode(item, f"{where}[{key!r}]", depth) for key, item in value.items()}
    return {
        "$dict": [
            [_encode(key, f"the key {key!r} of {where}", depth), _encode(item, f"{where}[{key!r}]", depth)]
            for key, item in value.items()
        ]
    }


def _of_enum(member: Enum, where: str, depth: int) -> list[Any]:
    path = _path_of(type(member), where)
    # A value that is stored elsewhere too outlives a rename of its member; one of auto() means nothing.
    if isinstance(member, str | int | Flag):
        return [path, "value", _encode(member.value, where, depth)]
    return [path, "name", member.name]


def _of_time(value: datetime | time, where: str) -> list[Any]:
    zone = value.tzinfo
    if isinstance(zone, ZoneInfo) and zone.key:
        return [value.replace(tzinfo=None).isoformat(), value.fold, zone.key]
    if zone is not None and value.utcoffset() is None:
        raise TypeError(f"send_reliable(): {where} has a time zone without an offset. Pass a datetime.")
    return [value.isoformat(), value.fold, None]


def _of_object(instance: Model, where: str) -> list[str]:
    require_saved(instance)
    if has_secret_key(instance):
        raise TypeError(
            f"send_reliable(): {where} is a {type(instance).__name__}, whose primary key is a secret. Pass "
            "what the receivers need of it."
        )
    # Not type_of(): a proxy comes back as the proxy.
    return [instance._meta.label, id_of(instance)]


def _of_model(model: type[Model]) -> Any:
    if model_of(model._meta.label) is not model:
        raise TypeError(f"send_reliable(): {model!r} is not the installed model {model._meta.label}.")
    return {"$model": model._meta.label}


def _path_of(thing: Any, where: str) -> str:
    try:
        path = path_of(thing)
    except ValueError as error:
        raise TypeError(f"send_reliable(): {where} is of {thing!r}, which {error}.") from error
    if not is_found(thing, path):
        raise TypeError(f"send_reliable(): {where} is of {thing!r}, which is not to be found as {path}.")
    return path
