"""Rows as the database has them: a form or a caller may long have changed the instances in memory."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import Prefetch, prefetch_related_objects

from notifyaudit import conf
from notifyaudit.identity import by_model, reference
from notifyaudit.values import to_json

if TYPE_CHECKING:
    from django.db.models.query import RawQuerySet

M = TypeVar("M", bound=models.Model)

Pairs = Sequence[tuple[models.Model, models.Model]]

Key = tuple[type[models.Model], Any]

_CHUNK = 500


def key_of(instance: models.Model) -> Key:
    """What a row is found by."""
    return instance._meta.model, instance.pk


def read(keys: Iterable[Key], *, lock: bool = False) -> dict[Key, models.Model]:
    """
    New instances of those rows that there are, some hundred per statement.

    Args:
        keys: of any models; a proxy or a multi-table child reads its own fields.
        lock: hold the rows until the end of the transaction.
    """
    wanted = defaultdict(set)
    for model, pk in keys:
        wanted[model].add(pk)
    found: dict[Key, models.Model] = {}
    for model, pks in wanted.items():
        manager = model._base_manager.using(conf.current().DATABASE)
        rows = manager.select_for_update() if lock else manager.all()
        # Sorted, so that two transactions that lock the same rows do not wait for each other in a circle.
        ordered = sorted(pks)
        for start in range(0, len(ordered), _CHUNK):
            chunk = rows.filter(pk__in=ordered[start : start + _CHUNK]).order_by("pk")
            found |= {key_of(row): row for row in chunk}
    return found


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
    """All values of a row that were read, by column: ``{"building_id": 7, …}``."""
    return {
        field.attname: to_json(field.value_from_object(row))
        for field in row._meta.concrete_fields
        if field.attname in row.__dict__
    }


def load_relations(rows: Iterable[models.Model]) -> None:
    """Read the objects of all many-to-many fields now, a statement a field: later they may be others."""
    for group in by_model(rows).values():
        # Through the base manager: what the default one hides is related all the same.
        related = [
            Prefetch(field.name, field.related_model._base_manager.all())
            for field in group[0]._meta.many_to_many
        ]
        prefetch_related_objects(group, *related)


def differences(pairs: Pairs, *, relations: bool = True) -> list[dict[str, tuple[Any, Any]]]:
    """
    For each pair of readings of a row ``{field: (old, new)}``, with references in the place of foreign keys
    and many-to-many relations, of which both readings must have been loaded.

    Args:
        pairs: the row before and after.
        relations: compare many-to-many relations too. They are not in a row, so an instance that was rebuilt
            from an older one does not know which it had.

    Primary keys and fields that any save() renews (``auto_now``) are left out: they say nothing about what
    was done.
    """
    changed = [_changed_columns(before, after) for before, after in pairs]
    _load_foreign_keys((row, names) for pair, names in zip(pairs, changed, strict=True) for row in pair)
    return [
        _named(before, after, names) | (_changed_relations(before, after) if relations else {})
        for (before, after), names in zip(pairs, changed, strict=True)
    ]


def contents(rows: Sequence[models.Model], *, relations: bool = True) -> list[dict[str, tuple[Any, Any]]]:
    """
    What each of some new rows holds, as changes from nothing: ``{field: (None, new)}``. What is empty is
    left out. ``relations`` as for :func:`differences`.
    """
    filled = [
        [column.name for column in _columns(row) if column.value_from_object(row) not in ("", None)]
        for row in rows
    ]
    _load_foreign_keys(zip(rows, filled, strict=True))
    return [
        {name: (None, _value(row, name)) for name in names}
        | {
            name: (None, related)
            for name, related in (_relations(row) if relations else {}).items()
            if related
        }
        for row, names in zip(rows, filled, strict=True)
    ]


def _columns(row: models.Model) -> "list[models.Field[Any, Any]]":
    return [
        column
        for column in row._meta.concrete_fields
        # What was not read, as of a row that was rebuilt from a part of it, would be read now, one by one.
        if not column.primary_key
        and not getattr(column, "auto_now", False)
        and column.attname in row.__dict__
    ]


def _changed_columns(before: models.Model, after: models.Model) -> list[str]:
    return [
        column.name
        for column in _columns(before)
        if column.attname in after.__dict__
        and to_json(column.value_from_object(before)) != to_json(column.value_from_object(after))
    ]


def _load_foreign_keys(rows: Iterable[tuple[models.Model, list[str]]]) -> None:
    of_field: dict[str, list[models.Model]] = defaultdict(list)
    for row, names in rows:
        for name in names:
            if row._meta.get_field(name).is_relation:
                of_field[name].append(row)
    for name, referring in of_field.items():
        for group in by_model(referring).values():
            prefetch_related_objects(group, name)


def _named(before: models.Model, after: models.Model, names: Iterable[str]) -> dict[str, tuple[Any, Any]]:
    return {name: (_value(before, name), _value(after, name)) for name in names}


def _value(row: models.Model, name: str) -> Any:
    field: Any = row._meta.get_field(name)
    value = to_json(field.value_from_object(row))
    if not field.is_relation or value is None:
        return value
    try:
        related = getattr(row, name)
    except ObjectDoesNotExist:
        return value  # the key of an object that is gone is all there is to say
    return value if related is None else reference(related)


def _changed_relations(before: models.Model, after: models.Model) -> dict[str, tuple[Any, Any]]:
    old, new = _relations(before), _relations(after)
    return {name: (old[name], new[name]) for name in new if _ids(old[name]) != _ids(new[name])}


def _ids(references: list[dict[str, str]]) -> list[str]:
    # Without what they are called: renaming a related object changes no relation.
    return [reference["id"] for reference in references]


def _relations(row: models.Model) -> dict[str, list[dict[str, str]]]:
    return {
        field.name: sorted(
            (reference(related) for related in getattr(row, field.name).all()), key=lambda item: item["id"]
        )
        for field in row._meta.many_to_many
    }
