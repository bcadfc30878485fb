"""Changed fields as people read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from django.db.models import Field, Model
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _

NOTHING = "–"


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
    fields = {field.name: field for field in _fields_of(model)} if model else {}
    order = list(fields)
    names = sorted(changes, key=lambda name: (order.index(name) if name in fields else len(order), name))
    return {name: _readable(name, changes[name], fields.get(name)) for name in names}


def _fields_of(model: type[Model]) -> "list[Field[Any, Any]]":
    return [*model._meta.concrete_fields, *model._meta.many_to_many]


def _readable(name: str, sides: Sequence[Any], field: "Field[Any, Any] | None") -> Change:
    label = str(getattr(field, "verbose_name", "") or name.replace("_", " "))
    old, new = (_label(side, field) for side in sides)
    return Change(sides, label=str(capfirst(label)), old_label=old, new_label=new)


def _label(value: Any, field: "Field[Any, Any] | None") -> str:
    choices = dict(getattr(field, "flatchoices", ()))
    if isinstance(value, str | int) and value in choices:
        return str(choices[value])
    if value in (None, "", [], {}):
        return NOTHING
    match value:
        case bool():
            label = _("yes") if value else _("no")
        case {"type": _, "id": _, "repr": str(name)}:
            label = name
        case list():
            label = ", ".join(_label(item, field) for item in value)
        case str() if field is not None:
            label = _date(value, field.get_internal_type())
        case _:
            label = str(value)
    return label


def _date(value: str, kind: str) -> str:
    try:
        if kind == "DateField" and (day := parse_date(value)):
            return date_format(day, "DATE_FORMAT")
        if kind == "DateTimeField" and (moment := parse_datetime(value)):
            return date_format(_local(moment), "DATETIME_FORMAT")
    except ValueError:
        pass  # a text that merely looks like a date is shown as it is
    return value


def _local(moment: datetime) -> datetime:
    return localtime(moment) if is_aware(moment) else moment
