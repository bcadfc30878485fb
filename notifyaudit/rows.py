"""Rows as the database has them: a form or a caller may long have changed the instance in memory."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models

from notifyaudit import conf
from notifyaudit.identity import reference
from notifyaudit.values import to_json

if TYPE_CHECKING:
    from django.db.models.query import RawQuerySet

M = TypeVar("M", bound=models.Model)


def read(model: type[models.Model], pk: Any, *, lock: bool = False) -> models.Model | None:
    """A new instance of the row, locked until the end of the transaction on wish; ``None`` if it is gone."""
    rows = model._base_manager.using(conf.current().DATABASE)
    return (rows.select_for_update() if lock else rows).filter(pk=pk).first()


def committed(queryset: "models.QuerySet[M]") -> "RawQuerySet[M]":
    """
    The rows of a queryset as of now, for MariaDB's REPEATABLE READ: there a plain read shows what was
    committed when the transaction first read, a locking one what is committed by now.
    """
    # Not select_for_update(): of two transactions that both lost the race for a unique key, each holds a
    # shared lock on it, and each waiting for an exclusive one would be a deadlock.
    sql, params = queryset.query.get_compiler(queryset.db).as_sql()
    return queryset.model._base_manager.using(queryset.db).raw(f"{sql} LOCK IN SHARE MODE", params)


def snapshot(row: models.Model) -> dict[str, Any]:
    """All values of a row, by column: ``{"building_id": 7, …}``."""
    return {field.attname: to_json(field.value_from_object(row)) for field in row._meta.concrete_fields}


def relations(row: models.Model) -> dict[str, list[dict[str, str]]]:
    """References to the objects of each many-to-many field."""
    return {
        field.name: sorted(
            # Through the base manager: what the default one hides is related all the same.
            (reference(related) for related in getattr(row, field.name)(manager="_base_manager").all()),
            key=lambda item: item["id"],
        )
        for field in row._meta.many_to_many
    }


def differences(before: models.Model, after: models.Model) -> dict[str, tuple[Any, Any]]:
    """
    ``{field: (old, new)}`` of two readings of a row, foreign keys as references. Primary keys and fields
    that any save() renews (``auto_now``) are left out: they say nothing about what was done.
    """
    changed = {}
    for field in before._meta.concrete_fields:
        if field.primary_key or getattr(field, "auto_now", False):
            continue
        old, new = to_json(field.value_from_object(before)), to_json(field.value_from_object(after))
        if old != new:
            changed[field.name] = (_named(before, field, old), _named(after, field, new))
    return changed


def _named(row: models.Model, field: "models.Field[Any, Any]", value: Any) -> Any:
    if not field.is_relation or value is None:
        return value
    try:
        return reference(getattr(row, field.name))
    except (ObjectDoesNotExist, AttributeError):
        return value
