"""What can be done to rows with the ORM: the rows of the matrix in docs/reference/sources.md."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F

from tests.sources.columns import Column
from tests.sources.upstream.models import Building, Tag


@dataclass(frozen=True, kw_only=True)
class Operation:
    """
    One of them.

    Attributes:
        title: its name in the matrix.
        run: does it to the objects, and returns those that a trail should know of, if they are others.
        kind: what happened to the objects; ``None``: nothing did, or it was rolled back.
        field: which field an update has changed, from ``old`` to ``new``.
        objects: how many there are before.
        atomic: whether it is done in a transaction, and within what the package wants around it.
        needs: the attribute of the column without which it cannot be done.
    """

    title: str
    run: Callable[[Column, list[Any]], list[Any] | None]
    kind: str | None = "updated"
    field: str = "price"
    old: Any = Decimal("5.00")
    new: Any = Decimal("7.00")
    objects: int = 1
    atomic: bool = True
    needs: str = ""


def prepare(column: Column, number: int) -> list[Any]:
    """Objects with a history, a building and a tag, as they are read again."""
    with transaction.atomic(), column.around():
        building = Building.objects.create(name="Town hall")
        tag = Tag.objects.create(name="fire")
        made = [
            column.model.objects.create(name=f"Tower {count}", price=5, building=building)
            for count in range(number)
        ]
        for inspection in made:
            inspection.tags.add(tag)
        return [column.model.objects.get(pk=inspection.pk) for inspection in made]


def _create(column, objects):
    return [column.model.objects.create(name="Tower 8", price=7)]


def _save(column, objects):
    objects[0].price = 7
    objects[0].save()


def _save_again(column, objects):
    objects[0].save()


def _save_update_fields(column, objects):
    objects[0].price = 7
    objects[0].save(update_fields=["price"])


def _save_expression(column, objects):
    objects[0].price = F("price") + 2
    objects[0].save()


def _update(column, objects):
    column.model.objects.filter(pk__in=[each.pk for each in objects]).update(price=7)


def _bulk_create(column, objects):
    names = ["Bulk 1", "Bulk 2"]
    column.model.objects.bulk_create([column.model(name=name, price=7) for name in names])
    return list(column.model.objects.filter(name__in=names))


def _own_bulk_create(column, objects):
    names = ["Bulk 3", "Bulk 4"]
    column.bulk_create([column.model(name=name, price=7) for name in names])
    return list(column.model.objects.filter(name__in=names))


def _raise_prices(objects):
    for each in objects:
        each.price = 7
    return objects


def _bulk_update(column, objects):
    column.model.objects.bulk_update(_raise_prices(objects), ["price"])


def _own_bulk_update(column, objects):
    column.bulk_update(_raise_prices(objects), ["price"])


def _get_or_create(column, objects):
    return [column.model.objects.get_or_create(name="Tower 9", defaults={"price": 7})[0]]


def _update_or_create(column, objects):
    column.model.objects.update_or_create(pk=objects[0].pk, defaults={"price": 7})


def _delete(column, objects):
    # Afterwards the instance has no key.
    gone = column.model(pk=objects[0].pk)
    objects[0].delete()
    return [gone]


def _delete_query(column, objects):
    column.model.objects.filter(pk__in=[each.pk for each in objects]).delete()


def _cascade(column, objects):
    objects[0].building.delete()


def _raw(column, objects):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {column.model._meta.db_table} SET price = 7 WHERE id = %s", [objects[0].pk])


def _tags_add(column, objects):
    objects[0].tags.add(Tag.objects.create(name="lift"))


def _tags_remove(column, objects):
    objects[0].tags.remove(objects[0].tags.get())


def _tags_set(column, objects):
    objects[0].tags.set([Tag.objects.create(name="lift")])


def _tags_clear(column, objects):
    objects[0].tags.clear()


def _tags_from_there(column, objects):
    # The other side has no accessor, as with related_name="+": through the rows of the relation.
    through = column.model.tags.through
    key = next(field.name for field in through._meta.fields if field.related_model is column.model)
    through.objects.create(**{f"{key}_id": objects[0].pk, "tag": Tag.objects.create(name="lift")})


class _Rollback(Exception):
    pass


def _undo():
    raise _Rollback


def _savepoint(column, objects):
    try:
        with transaction.atomic(), column.around():
            _save(column, objects)
            _undo()
    except _Rollback:
        pass


def _rolled_back(column, objects):
    try:
        with transaction.atomic(), column.around():
            _save(column, objects)
            _undo()
    except _Rollback:
        pass


def _failing(column, objects):
    objects[0].price, objects[0].status = 7, None
    try:
        objects[0].save()
    except IntegrityError:
        pass
    else:
        raise AssertionError("the database took a NULL where none is allowed")


CREATED = {"kind": "created", "field": "price", "old": None}
TAGS = {"field": "tags", "old": None, "new": None}
DELETED = {"kind": "deleted"}

OPERATIONS = [
    Operation(title="`create()`, `save()` of a new object", run=_create, **CREATED),
    Operation(title="`get_or_create()`", run=_get_or_create, **CREATED),
    Operation(title="`bulk_create()`", run=_bulk_create, **CREATED),
    Operation(title="the package's own bulk create", run=_own_bulk_create, needs="bulk_create", **CREATED),
    Operation(title="`save()`", run=_save),
    Operation(title="`save(update_fields=…)`", run=_save_update_fields),
    Operation(title="`save()` of the same values", run=_save_again, kind=None),
    Operation(title="`save()` with an `F()` expression", run=_save_expression),
    Operation(title="`update_or_create()`", run=_update_or_create),
    Operation(title="`queryset.update()`", run=_update, objects=2),
    Operation(title="`bulk_update()`", run=_bulk_update, objects=2),
    Operation(title="the package's own bulk update", run=_own_bulk_update, objects=2, needs="bulk_update"),
    Operation(title="raw SQL", run=_raw),
    Operation(title="`delete()`", run=_delete, **DELETED),
    Operation(title="`queryset.delete()`", run=_delete_query, objects=2, **DELETED),
    Operation(title="a deletion that cascades to it", run=_cascade, **DELETED),
    Operation(title="many-to-many `add()`", run=_tags_add, **TAGS),
    Operation(title="many-to-many `remove()`", run=_tags_remove, **TAGS),
    Operation(title="many-to-many `set()`", run=_tags_set, **TAGS),
    Operation(title="many-to-many `clear()`", run=_tags_clear, **TAGS),
    Operation(title="a row of the many-to-many table itself", run=_tags_from_there, **TAGS),
    Operation(title="`save()` in a savepoint that is rolled back", run=_savepoint, kind=None),
    Operation(
        title="`save()` in a transaction that is rolled back", run=_rolled_back, kind=None, atomic=False
    ),
    Operation(title="`save()` in autocommit", run=_save, atomic=False),
    Operation(
        title="`save()` in autocommit that the database refuses", run=_failing, kind=None, atomic=False
    ),
]
