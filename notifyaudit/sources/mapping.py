"""What an audit package saw, and which of the project's actions that is: one entry of ``SOURCES``."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Self

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from notifyaudit.actions import known
from notifyaudit.exceptions import UnknownAction
from notifyaudit.identity import type_of
from notifyaudit.values import to_json


class Kind(StrEnum):
    """What happened to a row."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


OPERATIONS = {"INSERT": Kind.CREATED, "UPDATE": Kind.UPDATED, "DELETE": Kind.DELETED}
"""By what SQL calls it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One line of a mapping: ``"app.Model.what": "action"``.

    Attributes:
        text: the line's left side, as the project wrote it.
        model_name: ``"app.Model"``, or ``"model"`` where only one app has a model of that name.
        occasion: ``created``, ``updated``, ``deleted``, or the name of a field.
        value: what the field must have become, as text; ``None``: anything.
        action: what that is called in the project.
    """

    text: str
    model_name: str
    occasion: str
    value: str | None
    action: str

    @classmethod
    def parse(cls, text: str, action: str) -> Self:
        """``"inspections.Inspection.status=completed"``: a value may hold dots and equals signs."""
        path, equals, value = text.partition("=")
        model_name, _, occasion = path.strip().rpartition(".")
        return cls(text, model_name, occasion.strip(), value.strip() if equals else None, action)

    @property
    def model(self) -> type[models.Model] | None:
        """The model that is meant; ``None`` if there is none, or more than one."""
        found = self._models()
        return found[0] if len(found) == 1 else None

    def fits(self, kind: Kind, changes: Mapping[str, Sequence[Any]]) -> bool:
        """Whether this is the action for what happened to a row of the model."""
        if self.occasion in set(Kind):
            return self.value is None and self.occasion == kind
        if kind == Kind.DELETED or self.occasion not in changes:
            return False
        if self.value is None:
            return kind == Kind.UPDATED
        return self.value in _texts(changes[self.occasion][1])

    def rank(self, kind: Kind) -> int:
        """The lowest is asked first: to be created comes before any value, any value before any change."""
        if self.occasion in set(Kind):
            return 0 if kind == Kind.CREATED else 3
        return 1 if self.value is not None else 2

    def problems(self) -> Iterator[str]:
        """What is wrong with it, in words that name the mend."""
        found = self._models()
        if len(found) > 1:
            names = " or ".join(model._meta.label for model in found)
            yield f"{self.text!r} may mean {names}. Name the app too."
        elif not found:
            yield f"{self.text!r}: there is no model {self.model_name!r}.{self._nearest_model()}"
        elif self.occasion in set(Kind):
            if self.value is not None:
                yield f"{self.text!r}: {self.occasion!r} takes no value. Name a field before the '='."
        else:
            yield from self._problems_of_field(found[0])
        if self.action not in known.values():
            yield f"{self.text!r}: {UnknownAction(self.action, known.values())}"

    def _models(self) -> list[type[models.Model]]:
        name = self.model_name.lower()
        candidates = apps.get_models(include_auto_created=True)
        return [model for model in candidates if name in (model._meta.label_lower, model._meta.model_name)]

    def _nearest_model(self) -> str:
        labels = [model._meta.label for model in apps.get_models()]
        nearest = get_close_matches(self.model_name, labels, n=1)
        return f" Did you mean {nearest[0]!r}?" if nearest else " Write 'app.Model.updated', for example."

    def _problems_of_field(self, model: type[models.Model]) -> Iterator[str]:
        try:
            model._meta.get_field(self.occasion)
        except FieldDoesNotExist:
            names = [*map(str, Kind), *(field.name for field in model._meta.get_fields())]
            nearest = get_close_matches(self.occasion, names, n=1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else f" It has {', '.join(names)}."
            yield f"{self.text!r}: {model._meta.label} has no field {self.occasion!r}.{hint}"


def by_model(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """The rules about each model, by ``"app.Model"``; looked up once, and not at each save."""
    found = defaultdict(list)
    for rule in rules:
        if (model := rule.model) is not None:
            found[type_of(model)].append(rule)
    return found


def action_for(rules: Iterable[Rule], kind: Kind, changes: Mapping[str, Sequence[Any]]) -> str | None:
    """
    The action of the first of a model's rules that fits, the most specific first; ``None``: there is nothing
    to record.

    A creation is asked for ``created``, then for values; an update for values, then for fields, then for
    ``updated``; a deletion for ``deleted`` alone. Among equals the first in the mapping wins.
    """
    fitting = [rule for rule in rules if rule.fits(kind, changes)]
    return min(fitting, key=lambda rule: rule.rank(kind)).action if fitting else None


def _texts(value: Any) -> tuple[str, ...]:
    """How a project may write a value in a mapping: ``7``, ``true`` or ``True``, the key of an object."""
    stored = to_json(value)
    if isinstance(stored, dict) and "id" in stored:
        return (str(stored["id"]),)
    return (str(stored), json.dumps(stored))
