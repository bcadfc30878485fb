"""Events from django-field-history: one for each field that a save changed, and one for a new object."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import OuterRef, Subquery
from django.db.models.signals import post_init
from field_history.models import FieldHistory as Row
from field_history.tracker import FieldHistoryTracker

from notifyaudit import conf
from notifyaudit.context import INHERITED
from notifyaudit.identity import id_of, key_from, stored_key, type_of
from notifyaudit.models import Sighting
from notifyaudit.sources.base import Seen
from notifyaudit.sources.mapping import Kind
from notifyaudit.sources.sightings import SightedSource, circumstances_of
from notifyaudit.sources.states import Changes, difference, instance_of, with_references
from notifyaudit.sources.table import ModelSource
from notifyaudit.sources.tracked_saves import Listening, notice, trackers_of
from notifyaudit.subjects import Subject

_ONE_SAVE = timedelta(seconds=1)
"""The rows of one save are made microseconds apart, each with the time of its own."""


class FieldHistory(ModelSource):
    """
    Reports the rows that a save has written, after it: the package sends no signal, and writes with
    ``bulk_create()``. So it listens where the tracker wraps ``save()`` of each instance.

    A row is one field. The first row of an object is its creation, and tells of all fields that the same
    save wrote; each other row is an update of its field. Deletions are not kept.

    Of what a tracker has just written it is known whether the object is new. In the history, and by a
    trigger, it is not: there an object's first row is always its creation.
    """

    name = "field_history"
    model: ClassVar[type[models.Model]] = Row
    moment: ClassVar[str] = "date_created"

    def connect(self) -> None:
        post_init.connect(notice, sender=Row)
        for tracker in self._trackers():
            tracker.patch_save = Listening(tracker, self)

    def disconnect(self) -> None:
        post_init.disconnect(notice, sender=Row)
        for tracker in self._trackers():
            listening = vars(tracker).get("patch_save")
            if isinstance(listening, Listening) and listening.source is self:
                # Of the instances that are there already it stays the save().
                listening.source = None
                del tracker.patch_save

    def rows(self) -> "models.QuerySet[Any]":
        types = ContentType.objects.get_for_models(*self.models).values()
        rows = super().rows().filter(content_type__in=types)
        of_object = Row._base_manager.using(conf.current().DATABASE).filter(
            content_type=OuterRef("content_type"), object_id=OuterRef("object_id")
        )
        of_field = of_object.filter(field_name=OuterRef("field_name"), pk__lt=OuterRef("pk"))
        annotated: models.QuerySet[Any] = rows.select_related("user").annotate(
            before=Subquery(of_field.order_by("-pk").values("pk")[:1]),
            first=Subquery(of_object.order_by("pk").values("pk")[:1]),
        )
        return annotated

    def seen_in(self, rows: Sequence[Any], before: Mapping[str, Any] | None = None) -> Iterable[Seen]:
        """
        Args:
            rows: those of any saves.
            before: of one save of an object that was there, what the tracked fields held; else ``None``.
        """
        rows = list(self.rows().filter(pk__in=[row.pk for row in rows]).order_by(self.moment, "pk"))
        there = self.rows().in_bulk({key for row in rows for key in (row.before, row.first) if key})
        together = self._written_with({row.pk: row for row in rows if row.first == row.pk})
        told = [
            (row, *compared)
            for row in rows
            if (compared := _compared(row, there.get(row.before), there[row.first], together, before))
            is not None
        ]
        changes, targets = _named(told), _targets(rows)
        for row, kind, values in told:
            target = targets[row.content_type_id, row.object_id]
            if kind == Kind.CREATED and isinstance(target, Subject):
                target = _as_created(target, values)
            yield Seen(
                reference=str(row.pk),
                kind=kind,
                target=target,
                changes=changes[row.pk],
                actor=row.user or INHERITED,
                occurred_at=row.date_created,
            )

    def from_sightings(self, sightings: Sequence[Sighting]) -> list[Seen | None]:
        """What a trigger on the package's table has left word of. The rows are read there: each is a part."""
        keys = [str((sighting.after or {})["id"]) for sighting in sightings]
        seen = {each.reference: each for each in self.seen_in([Row(pk=key) for key in keys])}
        told: list[Seen | None] = []
        for key, sighting in zip(keys, sightings, strict=True):
            by, found = circumstances_of(sighting), seen.get(key)
            told.append(
                found
                and replace(
                    found,
                    actor=by.actor if found.actor is INHERITED else found.actor,
                    metadata=by.metadata,
                    correlation_id=by.correlation_id,
                )
            )
        return told

    def problems(self) -> Iterator[str]:
        if not apps.is_installed("field_history"):
            yield "field_history is not in INSTALLED_APPS, so it has no tables."
        for rule in self.rules:
            if rule.model is None:
                continue
            trackers = trackers_of(rule.model)
            fields = {field for tracker in trackers for field in tracker.fields}
            if not trackers:
                yield f"{rule.text!r}: {rule.model._meta.label} has no FieldHistoryTracker."
            elif rule.occasion == Kind.DELETED:
                yield f"{rule.text!r}: django-field-history keeps no deletions."
            elif rule.occasion == Kind.CREATED and not isinstance(_key_field(rule.model), models.AutoField):
                yield (
                    f"{rule.text!r}: {rule.model._meta.label} has its primary key before it is saved, and of "
                    "such a new object django-field-history keeps nothing."
                )
            elif rule.occasion not in {*fields, *map(str, Kind)}:
                yield f"{rule.text!r}: {rule.model._meta.label} does not track {rule.occasion!r}."

    def _trackers(self) -> list[FieldHistoryTracker]:
        # Models that inherit a tracker share it.
        found = {id(tracker): tracker for model in self.models for tracker in trackers_of(model)}
        return list(found.values())

    def _written_with(self, first: dict[Any, Any]) -> dict[Any, list[Any]]:
        """Of each first row of an object, what the same save wrote."""
        together: dict[Any, list[Any]] = {key: [] for key in first}
        keys = {row.object_id for row in first.values()}
        for row in self.rows().filter(before=None, object_id__in=keys, first__in=list(first)).order_by("pk"):
            if row.date_created - first[row.first].date_created < _ONE_SAVE:
                together[row.first].append(row)
        return together


class RelayedFieldHistory(FieldHistory, SightedSource):
    """
    The same on PostgreSQL, by a trigger on the package's table instead of the trackers: whatever writes a row
    there is seen. A proxy of the package's model in an app of the project brings it::

        class RelayedHistory(FieldHistory):
            class Meta:
                proxy = True
                triggers = [Relay("field_history", names_in="field_name", values_in=["serialized_data"])]
    """

    def connect(self) -> None:
        SightedSource.connect(self)

    def disconnect(self) -> None:
        SightedSource.disconnect(self)


def _key_field(model: type[models.Model]) -> Any:
    """The primary key; of a model that inherits its table's key, the one that is counted."""
    key: Any = model._meta.pk
    while key.is_relation:
        key = key.target_field
    return key


def _compared(
    row: Any,
    before: Any,
    first: Any,
    together: dict[Any, list[Any]],
    held: Mapping[str, Any] | None,
) -> tuple[Kind, Changes] | None:
    model = _model_of(row)
    if model is None:
        return None
    if before is not None:
        return Kind.UPDATED, difference(model, _values(model, before), _values(model, row))
    if held is not None:
        return Kind.UPDATED, difference(model, _columns(model, held), _values(model, row))
    if first.pk == row.pk:
        values = {name: value for each in together[row.pk] for name, value in _values(model, each).items()}
        return Kind.CREATED, difference(model, None, values)
    if row.date_created - first.date_created < _ONE_SAVE:
        return None  # the creation tells it
    return Kind.UPDATED, difference(model, dict.fromkeys(_values(model, row)), _values(model, row))


def _columns(model: type[models.Model], held: Mapping[str, Any]) -> dict[str, Any]:
    """What tracked fields held, with the keys of objects in their place."""
    fields: Any = {field.name: field for field in model._meta.concrete_fields if field.name in held}
    return {
        name: getattr(value, fields[name].target_field.attname) if isinstance(value, models.Model) else value
        for name, value in held.items()
        if name in fields
    }


def _values(model: type[models.Model], row: Any) -> dict[str, Any]:
    # Not FieldHistory.field_value: it makes an instance, whose tracker reads the objects of foreign keys.
    fields = {field.name: field for field in model._meta.concrete_fields}
    field: Any = fields.get(row.field_name)
    if field is None:
        return {}
    (stored,) = json.loads(row.serialized_data)
    column = field.target_field if field.is_relation else field
    return {row.field_name: column.to_python(stored["fields"][row.field_name])}


def _named(told: Sequence[tuple[Any, Kind, Changes]]) -> dict[Any, Changes]:
    by_model: dict[type[models.Model], list[tuple[Any, Changes]]] = defaultdict(list)
    for row, _, changes in told:
        by_model[_model_of(row)].append((row.pk, changes))  # type: ignore[index]
    return {
        key: named
        for model, several in by_model.items()
        for (key, _), named in zip(
            several, with_references(model, [each for _, each in several]), strict=True
        )
    }


def _targets(rows: Sequence[Any]) -> dict[tuple[int, str], models.Model | Subject]:
    """The objects, those of a model together; of one that is gone what is still known."""
    names: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        names[row.content_type_id].add(row.object_id)
    targets: dict[tuple[int, str], models.Model | Subject] = {}
    for type_id, keys in names.items():
        model = ContentType.objects.get_for_id(type_id).model_class()
        if model is None:
            continue
        wanted = {key: stored_key(model, str(key)) for key in keys}
        objects = model._base_manager.using(conf.current().DATABASE).in_bulk(
            [value for value in wanted.values() if value is not None]
        )
        for key, value in wanted.items():
            identifier = id_of(model(pk=value)) if value is not None else str(key)
            gone = Subject(
                type_name=type_of(model),
                id=identifier,
                repr=f"{model._meta.verbose_name} {identifier}",
                model=model,
            )
            targets[type_id, key] = objects.get(value, gone)
    return targets


def _as_created(gone: Subject, changes: Changes) -> models.Model | Subject:
    model = gone.model
    key = key_from(model, gone.id) if model is not None else None
    if model is None or key is None:
        return gone
    columns = {model._meta.get_field(name).attname: new for name, (_, new) in changes.items()}  # type: ignore[union-attr]
    return instance_of(model, {**columns, model._meta.pk.attname: key}, conf.current().DATABASE)


def _model_of(row: Any) -> type[models.Model] | None:
    return ContentType.objects.get_for_id(row.content_type_id).model_class()
