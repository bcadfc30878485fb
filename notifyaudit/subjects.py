"""What an event says about its object: type, id, name, ancestors, and which of its values are secret."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self, TypeGuard

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import prefetch_related_objects

from notifyaudit import conf
from notifyaudit.exceptions import UnsavedTarget, WrongDatabase
from notifyaudit.identity import by_model, has_key, id_of, model_of, reference, repr_of, type_of
from notifyaudit.masking import Mask
from notifyaudit.secrecy import mask_of

_GENERATIONS = 16
"""More than any model has: a loop of parents ends here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An object as it was at one moment, so that it can be spoken of when it is gone."""

    type_name: str = ""
    id: str = ""
    repr: str = ""
    ancestors: list[dict[str, str]] = field(default_factory=list)
    model: type[models.Model] | None = None

    @classmethod
    def of(cls, instance: models.Model) -> Self:
        """
        Raises:
            UnsavedTarget, WrongDatabase: see :func:`require_saved`.
        """
        require_saved(instance)
        return cls.described(instance)

    @classmethod
    def described(cls, instance: models.Model) -> Self:
        """The same of an object that need not be in the database."""
        return cls(
            type_name=type_of(instance),
            id=id_of(instance),
            repr=repr_of(instance),
            ancestors=[reference(ancestor) for ancestor in _ancestors(instance)],
            model=instance._meta.model,
        )

    @property
    def mask(self) -> Mask:
        """Hides what the settings and the model declare as sensitive; the model may be known by name only."""
        return mask_of(self.model or model_of(self.type_name))


def is_saved(instance: Any) -> TypeGuard[models.Model]:
    """Whether this is an object that is in the database, as far as the instance knows."""
    return isinstance(instance, models.Model) and has_key(instance) and not instance._state.adding


def require_saved(instance: models.Model) -> None:
    """
    Raises:
        TypeError: if this is no model instance.
        UnsavedTarget: if the instance was never saved, or has been deleted.
        WrongDatabase: if it was read from another database than the ledger's.
    """
    if not isinstance(instance, models.Model):
        raise TypeError(
            f"a model instance is needed, not {instance!r}; for several objects see record_many()."
        )
    if not is_saved(instance):
        raise UnsavedTarget(instance)
    ledger = conf.current().DATABASE
    if instance._state.db != ledger:
        raise WrongDatabase(instance, instance._state.db, ledger)


def load_ancestors(instances: Iterable[models.Model]) -> None:
    """Read the ancestors of many objects at once: a statement per model and generation, not per object."""
    generation = list(instances)
    for _ in range(_GENERATIONS):
        parents: dict[int, models.Model] = {}
        for model, group in by_model(generation).items():
            name = getattr(model, "notifyaudit_parent", None)
            if not name or not _is_foreign_key(model, name):
                continue
            prefetch_related_objects(group, name)
            for instance in group:
                parent = getattr(instance, name, None)
                if parent is not None:
                    parents[id(parent)] = parent
        if not parents:
            return
        generation = list(parents.values())


def _is_foreign_key(model: type[models.Model], name: str) -> bool:
    return any(field.name == name and field.many_to_one for field in model._meta.concrete_fields)


def _ancestors(instance: models.Model) -> Iterator[models.Model]:
    current: Any = instance
    for _ in range(_GENERATIONS):
        name = getattr(current, "notifyaudit_parent", None)
        if not name:
            return
        try:
            current = getattr(current, name)
        except (ObjectDoesNotExist, AttributeError):  # a property on the way to a parent that is not set
            return
        if not isinstance(current, models.Model):
            return
        yield current
