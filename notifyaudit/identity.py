"""How the ledger names an object without a foreign key: its type, its id, and what it was called."""

import json
from collections import defaultdict
from collections.abc import Iterable
from enum import Enum
from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models
from django.utils.crypto import salted_hmac

from notifyaudit import compat
from notifyaudit.secrecy import has_secret_key, without_secrets
from notifyaudit.text import storable


def type_of(model: type[models.Model] | models.Model) -> str:
    """``"app.Model"``; a proxy is named as the model whose table it shows."""
    concrete: type[models.Model] = model._meta.concrete_model  # type: ignore[assignment]
    return concrete._meta.label


def by_model(instances: Iterable[models.Model]) -> dict[type[models.Model], list[models.Model]]:
    """The instances of each model; a lazy object counts as what it stands for."""
    groups = defaultdict(list)
    for instance in instances:
        groups[instance._meta.model].append(instance)
    return groups


def has_key(instance: models.Model) -> bool:
    """Whether all of the primary key is set: it is not before the first save, nor after a delete()."""
    return None not in _key_of(instance)


def id_of(instance: models.Model) -> str:
    """
    The primary key as a string, in the one form that its field gives it; a composite one as a JSON list of
    strings. Of a key that is itself a secret, such as a session's, a digest. Empty while there is none.
    """
    if not has_key(instance):
        return ""
    parts = [
        _text(field, value) for field, value in zip(instance._meta.pk_fields, _key_of(instance), strict=True)
    ]
    identifier = json.dumps(parts, ensure_ascii=False) if isinstance(instance.pk, tuple) else parts[0]
    return _digest(identifier) if has_secret_key(instance) else identifier


def repr_of(instance: object) -> str:
    """
    ``str(instance)``, or its class where that raises: naming must not fail a save. What of a model's
    sensitive fields its ``__str__`` tells is masked.
    """
    try:
        text = storable(str(instance))
        return without_secrets(text, instance) if isinstance(instance, models.Model) else text
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


def key_from(model: type[models.Model], identifier: str) -> Any:
    """What :func:`id_of` made a string of; ``None`` if it is no key of this model (any more)."""
    return None if has_secret_key(model) else stored_key(model, identifier)


def stored_key(model: type[models.Model], identifier: str) -> Any:
    """The key that an audit trail has as text, a secret one too; ``None`` if it is none of this model."""
    if not identifier:
        return None
    try:
        return model._meta.pk.to_python(identifier)
    except (ValidationError, ValueError, TypeError):
        return None


def resolve(type_name: str, identifier: str, alias: str) -> models.Model | None:
    """
    The row of that name, ``None`` when it is gone. Through the base manager: an object that the
    default manager hides (archived, soft-deleted) is still the object.
    """
    model = model_of(type_name)
    key = key_from(model, identifier) if model is not None else None
    if model is None or key is None:
        return None
    try:
        return model._base_manager.using(alias).get(pk=key)
    except (ObjectDoesNotExist, ValidationError, ValueError):
        return None


class Lookup:
    """
    The objects that some rows name. The first that is asked for is read together with all others of its
    model: a batch costs a query per model, and none for a model that nobody asks for.

    Args:
        names: type and id of each.
        alias: the database that has them.
    """

    def __init__(self, names: Iterable[tuple[str, str]], alias: str) -> None:
        self._alias = alias
        self._unread: dict[str, set[str]] = defaultdict(set)
        self._found: dict[tuple[str, str], models.Model] = {}
        for type_name, identifier in names:
            self._unread[type_name].add(identifier)

    def get(self, type_name: str, identifier: str) -> models.Model | None:
        """As :func:`resolve`."""
        if type_name in self._unread:
            self._found |= _read(type_name, self._unread[type_name], self._alias)
            del self._unread[type_name]
        return self._found.get((type_name, identifier))


def _read(type_name: str, identifiers: Iterable[str], alias: str) -> dict[tuple[str, str], models.Model]:
    model = model_of(type_name)
    if model is None:
        return {}
    keys = [key for identifier in identifiers if (key := key_from(model, identifier)) is not None]
    rows: Iterable[models.Model | None]
    try:
        rows = compat.followed_together(model._base_manager.using(alias)).in_bulk(keys).values()
    except (ValidationError, ValueError):
        # One is no key of this model any more, and must not keep the others from being found.
        rows = [resolve(type_name, identifier, alias) for identifier in identifiers]
    return {(type_name, id_of(row)): row for row in rows if row is not None}


def _key_of(instance: models.Model) -> tuple[Any, ...]:
    return instance.pk if isinstance(instance.pk, tuple) else (instance.pk,)


def _text(field: "models.Field[Any, Any]", value: Any) -> str:
    # A UUID may have been given as text, with or without hyphens; a number as text.
    if isinstance(value, Enum):
        value = value.value
    try:
        value = field.to_python(value)
    except (ValidationError, ValueError, TypeError):
        return str(value)
    return str(field.value_to_string(SimpleNamespace(**{field.attname: value})))  # type: ignore[arg-type]


def _digest(identifier: str) -> str:
    return salted_hmac("notifyaudit.identity", identifier, algorithm="sha256").hexdigest()
