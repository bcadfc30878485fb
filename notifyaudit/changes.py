"""Changed fields as people read them."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from django.db.models import Field, Model
from django.utils.text import capfirst

from notifyaudit.labels import readable_value


class Change(tuple[Any, Any]):  # noqa: SLOT001 - it has three attributes of its own, see __new__
    """
    ``(old, new)`` as stored, and the same for a reader: ``label`` (what the field is called),
    ``old_label`` and ``new_label`` (labels of choices, names of related objects, dates and booleans in the
    active language, "–" for nothing).
    """

    label: str
    old_label: str
    new_label: str

    def __new__(cls, sides: Sequence[Any], *, label: str, old_label: str, new_label: str) -> Self:
        """Args: the two stored sides, and their readable forms."""
        change = super().__new__(cls, (sides[0], sides[1]))
        change.label, change.old_label, change.new_label = label, old_label, new_label
        return change

    @property
    def old(self) -> Any:
        """The stored value before."""
        return self[0]

    @property
    def new(self) -> Any:
        """The stored value after."""
        return self[1]


def readable(changes: Mapping[str, Sequence[Any]], model: type[Model] | None) -> dict[str, Change]:
    """
    An event's stored changes, ready for a template, in the order of the model's fields: PostgreSQL does
    not keep the order of a JSON object's keys.

    Args:
        changes: ``{field: [old, new]}``.
        model: whose fields they are; ``None`` when the model is gone.
    """
    fields = _fields_of(model) if model else {}
    order = list(fields)
    names = sorted(changes, key=lambda name: (order.index(name) if name in fields else len(order), name))
    return {name: _readable(name, changes[name], fields.get(name)) for name in names}


def _fields_of(model: type[Model]) -> "dict[str, Field[Any, Any]]":
    fields = [*model._meta.concrete_fields, *model._meta.many_to_many]
    # By its column, too: a caller may have said "building_id".
    return {name: field for field in fields for name in (field.name, field.attname)}


def _readable(name: str, sides: Sequence[Any], field: "Field[Any, Any] | None") -> Change:
    label = str(getattr(field, "verbose_name", "") or name.replace("_", " "))
    old, new = (readable_value(side, field) for side in sides)
    return Change(sides, label=str(capfirst(label)), old_label=old, new_label=new)
