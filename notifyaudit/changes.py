"""Changed fields as people read them."""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Self

from django.db.models import Field, Model
from django.utils.text import capfirst
from django.utils.translation import gettext

from notifyaudit.clipping import clip
from notifyaudit.labels import readable_value
from notifyaudit.masking import MASK
from notifyaudit.netchange import is_creation

_WORD, _LINE = 20, 60


class Change(tuple[Any, Any]):  # noqa: SLOT001 - it keeps what it was asked for
    """
    ``(old, new)`` as stored, and the same for a reader: ``label`` (what the field is called),
    ``old_label`` and ``new_label`` (labels of choices, names of related objects, dates and booleans, "–" for
    nothing, "hidden" for what is masked), in the language and time zone that are active when they are first
    asked for. ``old_clipped`` and ``new_clipped`` are short enough for a table.
    """

    _name: str
    _field: "Field[Any, Any] | None"
    created: bool
    """Whether the object came into being by it, so that there was no value before."""

    def __new__(
        cls, sides: Sequence[Any], *, name: str, field: "Field[Any, Any] | None", created: bool = False
    ) -> Self:
        """Args: the two stored sides, of which field they are, and whether its object is new."""
        change = super().__new__(cls, (sides[0], sides[1]))
        change._name, change._field, change.created = name, field, created
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
        return self._readable(self.old)

    @cached_property
    def new_label(self) -> str:
        """The value after, as people read it."""
        return self._readable(self.new)

    @cached_property
    def _clipped(self) -> tuple[str, str]:
        return clip("" if self.created else self.old_label, self.new_label)

    @property
    def old_clipped(self) -> str:
        """``old_label``, cut if it is long, where it differs from the new one; empty if the object is new."""
        return self._clipped[0]

    @property
    def new_clipped(self) -> str:
        """``new_label``, cut likewise."""
        return self._clipped[1]

    @property
    def is_long(self) -> bool:
        """Whether a mail shows the new value on a line of its own."""
        old, new = map(len, self._clipped)
        return old > _WORD and old + new > _LINE

    def _readable(self, value: Any) -> str:
        return gettext("hidden") if value == MASK else readable_value(value, self._field)

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
    created = is_creation(changes, never_null(model))
    return {name: Change(changes[name], name=name, field=fields.get(name), created=created) for name in names}


@lru_cache
def never_null(model: type[Model] | None) -> frozenset[str]:
    """The fields of a model that hold a value in every row."""
    if model is None:
        return frozenset()
    fields = [*model._meta.concrete_fields, *model._meta.many_to_many]
    return frozenset(field.name for field in fields if field.many_to_many or not field.null)


@lru_cache
def _fields_of(model: type[Model]) -> "Mapping[str, Field[Any, Any]]":
    fields = [*model._meta.concrete_fields, *model._meta.many_to_many]
    # By its column, too: a caller may have said "building_id".
    return {name: field for field in fields for name in (field.name, field.attname)}
