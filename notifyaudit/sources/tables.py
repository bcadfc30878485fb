"""A project's own tables, seen by triggers: bulk updates, raw SQL and psql too. PostgreSQL."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from typing import Any

from django.apps import apps
from django.db import models

from notifyaudit import rows
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.identity import type_of
from notifyaudit.marking import field_among
from notifyaudit.models import Sighting
from notifyaudit.sighted import sighted_tables
from notifyaudit.sources.base import Seen
from notifyaudit.sources.mapping import OPERATIONS, Kind
from notifyaudit.sources.restoring import changes_between, restored
from notifyaudit.sources.sightings import SightedSource, circumstances_of
from notifyaudit.subjects import load_ancestors

_NAME = "tables"


@dataclass(frozen=True, slots=True)
class _Audited:
    model: type[models.Model]
    fields: frozenset[str] | None


_audited: dict[str, _Audited] = {}


def audit_table(model: type[models.Model], *, fields: Iterable[str] | None = None) -> None:
    """
    Put triggers on a model's table, so that each change of a row becomes an event, whoever makes it::

        class Inspection(models.Model): ...

        audit_table(Inspection, fields=["status", "price"])

    Call it below the class; ``makemigrations`` makes the migration. Which action a change is says the mapping
    of ``"notifyaudit.sources.tables.Tables"`` in ``SOURCES``.

    Args:
        model: it has a table of its own; one that inherits another has its own columns in it.
        fields: an update counts only if it changes one of these, and only they are told. Default: all but
            those that a save renews by itself (``auto_now``).

    Raises:
        ConfigurationError: for a model without a table of its own, a field that is not in it, no field at
            all, or without django-pgtrigger.
    """
    if find_spec("pgtrigger") is None:
        raise ConfigurationError(
            f"audit_table({model.__name__}) needs django-pgtrigger: pip install 'notifyaudit[triggers]', and "
            "add 'pgtrigger' to INSTALLED_APPS."
        )
    import pgtrigger  # noqa: PLC0415

    from notifyaudit.sources.triggers import Changed, Sighted, counted  # noqa: PLC0415 - an optional package

    _require_table(model)
    names = None if fields is None else frozenset(_field(model, name) for name in fields)
    if names is not None and not names:
        raise ConfigurationError(
            f"audit_table({model.__name__}): fields is empty. Name some, or leave it out."
        )
    pgtrigger.register(
        Sighted(_NAME, name="notifyaudit_rows", operation=pgtrigger.Insert | pgtrigger.Delete),
        Sighted(_NAME, name="notifyaudit_changes", operation=pgtrigger.Update, condition=Changed(names)),
    )(model)
    _audited[model._meta.label] = _Audited(model, names)
    sighted_tables.add(model, None if names is None else counted(model, names))


class Tables(SightedSource):
    """What the triggers of :func:`audit_table` see."""

    name = _NAME

    def connect(self) -> None:
        """There is nothing to do: :func:`audit_table` has said which writes are seen."""

    def from_sightings(self, sightings: Sequence[Sighting]) -> list[Seen | None]:
        """
        Raises:
            ConfigurationError: if the mapping does not know the model, or the project none of that name.
        """
        seen: list[Seen | None] = []
        for (label, operation), group in groupby(sightings, key=lambda each: (each.model, each.operation)):
            seen += self._seen(self._model(label), OPERATIONS[operation], list(group))
        return seen

    def problems(self) -> Iterator[str]:
        """Models that the mapping names and no trigger sees, and the other way round."""
        yield from super().problems()
        mapped = {type_of(model) for model in self.models}
        for model in self.models:
            if type_of(model) not in _audited:
                yield (
                    f"{model._meta.label} has no triggers. Call audit_table({model.__name__}) below the "
                    "class, and makemigrations."
                )
        for label, audited in _audited.items():
            if label not in mapped:
                yield (
                    f"audit_table({audited.model.__name__}) was called, but the mapping names nothing of "
                    f"{label}: what its triggers see is kept, and becomes no event."
                )

    def _model(self, label: str) -> type[models.Model]:
        if label not in {type_of(model) for model in self.models}:
            raise ConfigurationError(
                f"The mapping of the source {self.name!r} names nothing of {label}, whose table has triggers."
            )
        return apps.get_model(label)

    def _seen(self, model: type[models.Model], kind: Kind, sightings: list[Sighting]) -> Iterator[Seen]:
        before = [sighting.before or {} for sighting in sightings]
        after = [sighting.after or {} for sighting in sightings]
        targets = [restored(model, new or old) for old, new in zip(before, after, strict=True)]
        load_ancestors(targets)
        if kind == Kind.UPDATED:
            changes = changes_between(model, before, after)
        elif kind == Kind.CREATED:
            changes = rows.contents(targets, relations=False)
        else:
            changes = [{} for _ in targets]
        for sighting, target, changed in zip(sightings, targets, changes, strict=True):
            yield _one(sighting, kind, target, _counting(model, changed))


def _one(sighting: Sighting, kind: Kind, target: models.Model, changes: dict[str, Any]) -> Seen:
    circumstances = circumstances_of(sighting)
    return Seen(
        # Never given again, not even when the table's sequence begins anew.
        reference=f"{sighting.transaction}.{sighting.pk}",
        kind=kind,
        target=target,
        changes=changes,
        actor=circumstances.actor,
        occurred_at=sighting.seen_at,
        metadata=circumstances.metadata,
        correlation_id=circumstances.correlation_id,
    )


def _counting(model: type[models.Model], changes: dict[str, Any]) -> dict[str, Any]:
    audited = _audited.get(type_of(model))
    if audited is None or audited.fields is None:
        return changes
    return {name: sides for name, sides in changes.items() if name in audited.fields}


def _require_table(model: type[models.Model]) -> None:
    if model._meta.abstract or model._meta.proxy:
        what = "an abstract model" if model._meta.abstract else "a proxy"
        raise ConfigurationError(
            f"audit_table({model.__name__}): {what} has no table of its own. Name the model that has."
        )


def _field(model: type[models.Model], name: str) -> str:
    own = [field.name for field in model._meta.local_concrete_fields]
    problem = f"audit_table({model.__name__}): its table has no column for {name!r}."
    return field_among(own, model, name, problem)
