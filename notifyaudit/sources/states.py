"""Two states of an object as a history kept them, and what differs: in the form in which track() tells it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from notifyaudit import conf
from notifyaudit.identity import reference
from notifyaudit.values import to_json

Values = Mapping[str, Any]
"""By field: of a foreign key what its column holds, of a many-to-many relation a list of keys."""

Changes = dict[str, tuple[Any, Any]]


def difference(model: type[models.Model], before: Values | None, after: Values) -> Changes:
    """
    ``{field: (old, new)}``; without a state before, what the object came with, save what is empty.

    Primary keys and what any save() renews (``auto_now``) say nothing about what was done, and are left out.
    """
    changes: Changes = {}
    for field in _telling(model, after):
        new = _stored(field, after[field.name])
        if before is None:
            if new not in ("", None) and not (field.many_to_many and new == []):
                changes[field.name] = (None, new)
        elif field.name in before:
            old = _stored(field, before[field.name])
            if to_json(old) != to_json(new):
                changes[field.name] = (old, new)
    return changes


def with_references(model: type[models.Model], several: Sequence[Changes]) -> list[Changes]:
    """
    The same changes with references to objects in the place of their keys, where they are still there. A
    statement per related model, however many changes there are.
    """
    related = _Related(model, several)
    return [
        {name: (related.value(name, old), related.value(name, new)) for name, (old, new) in changes.items()}
        for changes in several
    ]


def instance_of(model: type[models.Model], values: Values, alias: str | None) -> models.Model:
    """
    The object as it was, by what was kept of it.

    Args:
        model: whose.
        values: by column.
        alias: the database in which the objects are that it refers to.
    """
    instance = model(**values)
    instance._state.db = alias
    return instance


def _telling(model: type[models.Model], values: Values) -> "Iterable[models.Field[Any, Any]]":
    for field in (*model._meta.concrete_fields, *model._meta.many_to_many):
        if field.name in values and not field.primary_key and not getattr(field, "auto_now", False):
            yield field


def _stored(field: "models.Field[Any, Any]", value: Any) -> Any:
    """As the database has it: packages that keep what an instance held tell 12.5 from 12.50."""
    if isinstance(field, models.DecimalField) and value is not None:
        with suppress(ValidationError, ArithmeticError):
            return field.to_python(value).quantize(Decimal(1).scaleb(-(field.decimal_places or 0)))
    return value


class _Related:
    """The objects that keys name, found together."""

    def __init__(self, model: type[models.Model], several: Iterable[Changes]) -> None:
        self._fields: dict[str, Any] = {
            field.name: field
            for field in (*model._meta.concrete_fields, *model._meta.many_to_many)
            if field.is_relation and isinstance(field.related_model, type)
        }
        wanted: dict[str, set[Any]] = defaultdict(set)
        for changes in several:
            for name in self._fields.keys() & changes.keys():
                wanted[name].update(key for side in changes[name] for key in _keys(side))
        self._found = {name: self._read(self._fields[name], keys) for name, keys in wanted.items()}

    def value(self, name: str, side: Any) -> Any:
        if name not in self._fields or side is None:
            return side
        found = self._found[name]
        if isinstance(side, list):
            references = [found.get(str(key), key) for key in side]
            return sorted(references, key=lambda item: str(item["id"] if isinstance(item, dict) else item))
        return found.get(str(side), side)

    def _read(self, field: Any, keys: set[Any]) -> dict[str, dict[str, str]]:
        related = field.related_model
        name = "pk" if field.many_to_many else field.target_field.attname
        rows = related._base_manager.using(conf.current().DATABASE).filter(**{f"{name}__in": keys})
        return {str(getattr(row, name)): reference(row) for row in rows}


def _keys(side: Any) -> Iterable[Any]:
    if isinstance(side, list):
        return side
    return () if side is None else (side,)
