"""Changed fields as people read them."""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Self

from django.db.models import Field, Model
from django.utils.text import capfirst

from notifyaudit.labels import readable_value


class Change(tuple[Any, Any]):  # noqa: SLOT001 - it keeps what it was asked for
    """
    ``(old, new)`` as stored, and the same for a reader: ``label`` (what the field is called),
    ``old_label`` and ``new_label`` (labels of choices, names of related objects, dates and booleans, "–" for
    nothing), in the language and time zone that are active when they are first asked for.
    """

    _name: str
    _field: "Field[Any, Any] | None"

    def __new__(cls, sides: Sequence[Any], *, name: str, field: "Field[Any, Any] | None") -> Self:
        """Args: the two stored sides, and of which field they are."""
        change = super().__new__(cls, (sides[0], sides[1]))
        change._name, change._field = name, field
        return change

    # Made late: a mail is looked at before it is known for whom, and of most changes nobody asks for more
    # than what is stored.

    @cached_property
    def label(self) -> str:
        """What the field is called."""
        name = str(getattr(self._field, "verbose_name", "") or self._name.replace("_", " "))
        return str(capfirst(name))

    @cached_property
    def old_label(self) -> str:
        """The value before, as people read it."""
        return readable_value(self.old, self._field)

    @cached_property
    def new_label(self) -> str:
        """The value after, as people read it."""
        return readable_value(self.new, self._field)

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
    places = {name: place for place, name in enumerate(fields)}
    names = sorted(changes, key=lambda name: (places.get(name, len(places)), name))
    return {name: Change(changes[name], name=name, field=fields.get(name)) for name in names}


@lru_cache
def _fields_of(model: type[Model]) -> "Mapping[str, Field[Any, Any]]":
    fields = [*model._meta.concrete_fields, *model._meta.many_to_many]
    # By its column, too: a caller may have said "building_id".
    return {name: field for field in fields for name in (field.name, field.attname)}
