"""What of a model is secret: by which names its values are masked, and its texts without them."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from uuid import UUID

from django.db import models

from notifyaudit import conf
from notifyaudit.masking import MASK, Mask

_SHORTEST = 4
"""A shorter value than this is in many a text by chance."""


def mask_of(model: type[models.Model] | None) -> Mask:
    """
    The mask for an object of this model: what the settings and the model itself declare. A foreign key is
    meant by its name and by its column's alike, since changes name the one and snapshots the other.
    """
    return _mask(
        (
            *conf.current().SENSITIVE_FIELDS,
            *_names(model, getattr(model, "notifyaudit_sensitive_fields", ())),
        ),
        tuple(_names(model, getattr(model, "notifyaudit_public_fields", ()))),
    )


def without_secrets(text: str, instance: models.Model) -> str:
    """A text about an object, such as its ``__str__``, with the values of its sensitive fields masked."""
    mask = mask_of(instance._meta.model)
    for field in instance._meta.concrete_fields:
        # Not getattr(): it would read a deferred field from the database.
        value = instance.__dict__.get(field.attname)
        if isinstance(value, str | int | UUID) and not isinstance(value, bool) and mask.hides(field.name):
            secret = str(value)
            if len(secret) >= _SHORTEST:
                text = text.replace(secret, MASK)
    return text


def has_secret_key(model: type[models.Model] | models.Model) -> bool:
    """Whether knowing the primary key is knowing a secret, as of a session."""
    mask = mask_of(model._meta.model)
    return any(mask.hides(field.name) for field in model._meta.pk_fields)


def _names(model: type[models.Model] | None, declared: Iterable[str]) -> Iterator[str]:
    yield from declared
    if model is not None:
        for field in model._meta.concrete_fields:
            if field.name != field.attname and not {field.name, field.attname}.isdisjoint(declared):
                yield from (field.name, field.attname)


@lru_cache(maxsize=256)
def _mask(sensitive: tuple[str, ...], public: tuple[str, ...]) -> Mask:
    return Mask(sensitive, public)
