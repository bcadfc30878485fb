"""Rows that a trigger has kept as JSON, as the instances that Django would have read."""

import csv
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connections, models
from django.utils import timezone

from notifyaudit import conf, rows
from notifyaudit.masking import MASK
from notifyaudit.values import to_json

Row = Mapping[str, Any]
"""A row by column, as PostgreSQL's ``to_jsonb()`` writes it."""


def restored(model: type[models.Model], row: Row) -> models.Model:
    """
    The instance that reading the row would have given. A column that is not in it is deferred: it is read
    from the database, as it is now, if somebody asks for it.
    """
    columns = [field for field in model._meta.concrete_fields if field.column in row]
    return model.from_db(
        conf.current().DATABASE,
        [field.attname for field in columns],
        [python_value(field, row[str(field.column)]) for field in columns],
    )


def python_value(field: Any, value: Any) -> Any:
    """A value of a column; as it is in JSON where the field cannot read that."""
    if value is None or value == MASK:
        return value
    with suppress(ValidationError, ValueError, TypeError, AttributeError):
        return _converted(field, value)
    return value


def changes_between(
    model: type[models.Model], before: Sequence[Row], after: Sequence[Row]
) -> list[dict[str, tuple[Any, Any]]]:
    """
    For each pair of rows ``{field: (old, new)}``. A sensitive column that is missing in the old row was
    changed; a primary key that differs is named too.
    """
    pairs = [(restored(model, old), restored(model, new)) for old, new in zip(before, after, strict=True)]
    found = rows.differences(pairs, relations=False)
    return [
        {**_keys(*pair), **changes, **_hidden(model, old, new)}
        for pair, changes, old, new in zip(pairs, found, before, after, strict=True)
    ]


def _keys(old: models.Model, new: models.Model) -> dict[str, tuple[Any, Any]]:
    return {
        field.name: (to_json(field.value_from_object(old)), to_json(field.value_from_object(new)))
        for field in old._meta.pk_fields
        if field.value_from_object(old) != field.value_from_object(new)
    }


def _hidden(model: type[models.Model], old: Row, new: Row) -> dict[str, tuple[Any, Any]]:
    return {
        name: (MASK, MASK)
        for column, name in _names(model).items()
        if column not in old and new.get(column, "") in (MASK, None)
    }


@cache
def _names(model: type[models.Model]) -> dict[str, str]:
    return {str(field.column): field.name for field in model._meta.concrete_fields}


def _converted(field: Any, value: Any) -> Any:
    if isinstance(field, models.GeneratedField):
        return python_value(field.output_field, value)
    if isinstance(field, models.JSONField):
        return _plain(value)
    if isinstance(field, models.BinaryField):
        return bytes.fromhex(value.removeprefix("\\x"))
    if isinstance(value, str) and hasattr(field, "range_type"):
        return _range(field, value)
    if isinstance(value, list) and hasattr(field, "base_field"):
        return [python_value(field.base_field, item) for item in value]
    # A field of the project's own, such as an encrypted one, says how it reads what the database holds.
    if hasattr(field, "from_db_value"):
        value = field.from_db_value(value, None, connections[conf.current().DATABASE])
    found = field.to_python(value)
    return _as_read(found) if isinstance(found, datetime) else found


def _range(field: Any, text: str) -> Any:
    if text == "empty":
        return field.range_type(empty=True)
    # As PostgreSQL writes it, '["2026-12-24 10:00:00+00",)': a bound is quoted where it must be.
    bounds = next(csv.reader([text[1:-1]]))
    lower, upper = (python_value(field.base_field, bound or None) for bound in bounds)
    return field.range_type(lower, upper, text[0] + text[-1])


def _as_read(moment: datetime) -> datetime:
    # In JSON it has the time zone of whoever wrote the row.
    if timezone.is_naive(moment):
        return moment
    if not settings.USE_TZ:
        return timezone.make_naive(moment, timezone.get_default_timezone())
    return moment.astimezone(connections[conf.current().DATABASE].timezone)


def _plain(value: Any) -> Any:
    """JSON as a JSONField gives it: exact decimals are of use in columns of numbers only."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
    return value
