"""The arguments of a signal from their text: as they were sent, with model instances as they are now."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Model
from django.utils.safestring import SafeString

from notifyaudit import conf
from notifyaudit.exceptions import ObjectGone
from notifyaudit.identity import Lookup, model_of
from notifyaudit.naming import find


def loads(text: str) -> dict[str, Any]:
    """
    The arguments as they were sent; model instances as they are now, through the base manager, with a query
    for each model.

    Raises:
        ObjectGone: for an object that is not there any more.
        LookupError: for a model or an enum that this code does not have (yet, or any more).
    """
    tree = json.loads(text)
    lookup = Lookup(_objects(tree), conf.current().DATABASE)
    return {name: _decoded(name, value, lookup) for name, value in tree.items()}


def loads_sender(text: str) -> Any:
    """
    The sender as it was given.

    Raises:
        Exception: as :func:`loads`.
    """
    return loads(f'{{"sender":{text}}}')["sender"]


def _objects(tree: Any) -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        if "$object" in tree:
            type_name, identifier = tree["$object"]
            yield type_name, identifier
        else:
            yield from _objects(list(tree.values()))
    elif isinstance(tree, list):
        for item in tree:
            yield from _objects(item)


def _decoded(name: str, tree: Any, lookup: Lookup) -> Any:
    def decode(tree: Any) -> Any:
        if isinstance(tree, list):
            return [decode(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        if len(tree) == 1:
            ((tag, content),) = tree.items()
            if tag in _LEAVES:
                return _LEAVES[tag](content)
            if tag in _BRANCHES:
                return _BRANCHES[tag](decode(content))
            if tag == "$object":
                return loaded(*content)
        return {key: decode(item) for key, item in tree.items()}

    def loaded(type_name: str, identifier: str) -> Model:
        _model_from(type_name)
        found = lookup.get(type_name, identifier)
        if found is None:
            raise ObjectGone(name, type_name, identifier)
        return found

    return decode(tree)


def _time_from(parse: Callable[[str], Any]) -> Callable[[list[Any]], Any]:
    def convert(content: list[Any]) -> Any:
        text, fold, zone = content
        value = parse(text).replace(fold=fold)
        return value.replace(tzinfo=ZoneInfo(zone)) if zone else value

    return convert


def _enum_from(content: list[Any]) -> Any:
    path, by, key = content
    kind = find(path)
    return kind(key) if by == "value" else kind[key]


def _model_from(label: str) -> type[Model]:
    model = model_of(label)
    if model is None:
        raise LookupError(f"no installed app has the model {label}")
    return model


_LEAVES: dict[str, Callable[[Any], Any]] = {
    "$int": lambda text: int(text, 16),
    "$float": float,
    "$safe": SafeString,
    "$datetime": _time_from(datetime.fromisoformat),
    "$time": _time_from(time.fromisoformat),
    "$date": date.fromisoformat,
    "$timedelta": lambda parts: timedelta(*parts),
    "$decimal": Decimal,
    "$uuid": UUID,
    "$bytes": b64decode,
    "$model": _model_from,
    "$path": find,
}

_BRANCHES: dict[str, Callable[[Any], Any]] = {
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$dict": dict,
    "$enum": _enum_from,
}
