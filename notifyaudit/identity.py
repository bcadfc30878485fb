"""How the ledger names an object without a foreign key: its type, its id, and what it was called."""

import json
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models

from notifyaudit.text import storable


def type_of(model: type[models.Model] | models.Model) -> str:
    """``"app.Model"``; a proxy is named as the model whose table it shows."""
    concrete: type[models.Model] = model._meta.concrete_model  # type: ignore[assignment]
    return concrete._meta.label


def id_of(instance: models.Model) -> str:
    """The primary key as a string; a composite one as a JSON list of strings."""
    if isinstance(instance.pk, tuple):
        return json.dumps([str(part) for part in instance.pk])
    return str(instance.pk)


def repr_of(instance: object) -> str:
    """``str(instance)``, or its class where the model's ``__str__`` raises: naming must not fail a save."""
    try:
        return storable(str(instance))
    except Exception:  # noqa: BLE001 - a model's own code, run inside somebody's transaction
        return f"<{type(instance).__name__}>"


def reference(instance: models.Model) -> dict[str, str]:
    """``{"type": "app.Model", "id": "…", "repr": "…"}``."""
    return {"type": type_of(instance), "id": id_of(instance), "repr": repr_of(instance)}


def model_of(type_name: str) -> type[models.Model] | None:
    """The model of that name, ``None`` when no installed app has it any more."""
    try:
        return apps.get_model(type_name)
    except (LookupError, ValueError):
        return None


def resolve(type_name: str, identifier: str, alias: str) -> models.Model | None:
    """
    The row of that name, ``None`` when it is gone. Through the base manager: an object that the
    default manager hides (archived, soft-deleted) is still the object.
    """
    model = model_of(type_name)
    if model is None or not identifier:
        return None
    try:
        pk: Any = json.loads(identifier) if isinstance(model._meta.pk, _composite()) else identifier
        return model._base_manager.using(alias).get(pk=pk)
    except (ObjectDoesNotExist, ValidationError, ValueError):
        return None


def _composite() -> tuple[type, ...]:
    pk = getattr(models, "CompositePrimaryKey", None)
    return (pk,) if pk else ()
