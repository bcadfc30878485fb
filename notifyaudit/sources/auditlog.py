"""Events from django-auditlog: what its log entries tell, their texts as values again."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from functools import cached_property, reduce
from operator import or_
from typing import Any, ClassVar

from auditlog import get_logentry_model
from auditlog.registry import auditlog
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, is_naive

from notifyaudit import clock, conf
from notifyaudit.context import INHERITED
from notifyaudit.identity import id_of, repr_of, stored_key, type_of
from notifyaudit.masking import MASK
from notifyaudit.secrecy import mask_of, without_secrets
from notifyaudit.sources.base import Seen
from notifyaudit.sources.mapping import Kind
from notifyaudit.sources.states import Changes, difference, instance_of, with_references
from notifyaudit.sources.table import ModelSource
from notifyaudit.subjects import Subject
from notifyaudit.text import storable

_NOTHING = "None"
"""What the package writes for it, as ``str()`` does."""


class Auditlog(ModelSource):
    """
    Reports each log entry when it is saved: creations, updates, deletions and many-to-many changes, not that
    somebody looked. Its own signal ``post_log`` does not tell of many-to-many changes.

    The package keeps texts. They become values where the field knows how; what it masks is masked whole.
    """

    name = "auditlog"
    moment: ClassVar[str] = "timestamp"

    @property
    def row_model(self) -> type[models.Model]:
        return get_logentry_model()  # type: ignore[no-any-return]

    def rows(self) -> "models.QuerySet[Any]":
        types = ContentType.objects.get_for_models(*self.models).values()
        entries = super().rows().filter(content_type__in=types, action__in=_kinds())
        return entries.select_related("actor")

    def seen_in(self, rows: Sequence[Any]) -> Iterable[Seen]:
        groups: dict[type[models.Model], list[Any]] = defaultdict(list)
        known = {type_of(model): model for model in self.models}
        for row in rows:
            model = ContentType.objects.get_for_id(row.content_type_id).model_class()
            if model is not None and type_of(model) in known and row.action in _kinds():
                groups[known[type_of(model)]].append(row)
        found = {row.pk: seen for model, group in groups.items() for row, seen in _seen_of(model, group)}
        return [found[row.pk] for row in rows if row.pk in found]

    def problems(self) -> Iterator[str]:
        for model in self.models:
            if not auditlog.contains(model):
                yield f"{model._meta.label} is not registered with auditlog, so nothing of it is seen."
                continue
            options = auditlog.get_model_fields(model)
            related = set(auditlog._registry[model]["m2m_fields"])  # noqa: SLF001 - get_model_fields() lacks it
            included = set(options["include_fields"]) or {field.name for field in model._meta.concrete_fields}
            logged = (included - set(options["exclude_fields"])) | related
            for rule in self.rules:
                if rule.model is model and rule.occasion not in {*logged, *map(str, Kind)}:
                    yield f"{rule.text!r}: auditlog does not log {rule.occasion!r} of {model._meta.label}."


def _kinds() -> dict[int, Kind]:
    action = get_logentry_model().Action
    return {action.CREATE: Kind.CREATED, action.UPDATE: Kind.UPDATED, action.DELETE: Kind.DELETED}


def _seen_of(model: type[models.Model], rows: Sequence[Any]) -> Iterator[tuple[Any, Seen]]:
    readings = [_Reading(model, row) for row in rows]
    changes = with_references(model, [reading.changes() for reading in readings])
    names = _Names(model, rows)
    keys = {reading.key for reading in readings if reading.kind != Kind.DELETED}
    alias = conf.current().DATABASE
    there = model._base_manager.using(alias).in_bulk([key for key in keys if key is not None])
    for reading, row, changed in zip(readings, rows, changes, strict=True):
        yield (
            row,
            Seen(
                reference=str(row.pk),
                kind=reading.kind,
                target=reading.target(there.get(reading.key), names, alias),
                changes={} if reading.kind == Kind.DELETED else changed | reading.others,
                snapshot=reading.kept() if reading.kind == Kind.DELETED else None,
                actor=row.actor or row.actor_email or INHERITED,
                occurred_at=row.timestamp,
                data=_data(row.additional_data),
                metadata={
                    name: value
                    for name in ("remote_addr", "remote_port")
                    if (value := getattr(row, name)) is not None
                },
                correlation_id=row.cid or "",
            ),
        )


class _Reading:
    """
    One log entry, its texts read as values.

    Attributes:
        old: by field, of a foreign key its key; so is ``new``.
        others: changes whose sides are no values of the field and stay as they are: of relations the names
            of the objects, of fields that are gone the texts, and what is masked.
    """

    def __init__(self, model: type[models.Model], row: Any) -> None:
        self.model, self.row = model, row
        self.kind = _kinds()[row.action]
        self.key = stored_key(model, row.object_pk)
        self.old: dict[str, Any] = {}
        self.new: dict[str, Any] = {}
        self.others: Changes = {}
        masked = auditlog.get_model_fields(model)["mask_fields"] if auditlog.contains(model) else ()
        for name, sides in (row.changes_dict or {}).items():
            self._take(name, sides, masked=name in masked)

    def _take(self, name: str, sides: Any, *, masked: bool) -> None:
        if isinstance(sides, Mapping):
            objects = list(sides.get("objects", ()))
            self.others[name] = ([], objects) if sides.get("operation") == "add" else (objects, [])
            return
        try:
            field: Any = self.model._meta.get_field(name)
        except FieldDoesNotExist:
            self.others[name] = (sides[0], sides[1])
            return
        if not field.concrete:
            return  # what it writes of relations that lead here tells nothing
        old = None if self.kind == Kind.CREATED else _value(field, sides[0])
        new = None if self.kind == Kind.DELETED else _value(field, sides[1])
        if masked:
            self.others[name] = (old and MASK, new and MASK)
        elif _Unreadable in (old, new):
            self.others[name] = (old and sides[0], new and sides[1])
        else:
            self.old[name], self.new[name] = old, new

    def changes(self) -> Changes:
        return difference(self.model, None if self.kind == Kind.CREATED else self.old, self.new)

    def target(self, there: models.Model | None, names: "_Names", alias: str) -> models.Model | Subject:
        """
        The object as it was then: the row of now with the values of the entry, which may have been written
        before the row.
        """
        columns = self.kept()
        if self.kind != Kind.DELETED and there is not None:
            columns = _columns_of(there) | columns
        instance = instance_of(self.model, columns, alias)
        name = names.name_of(self.row, instance)
        if self.kind == Kind.UPDATED and there is None:
            # Its parents are not known: the entry has only what changed.
            return Subject(type_name=type_of(self.model), id=id_of(instance), repr=name, model=self.model)
        return replace(Subject.described(instance), repr=name)

    def kept(self) -> dict[str, Any]:
        """By column what the entry has of the object after it, or of one that was deleted before it."""
        values = self.old if self.kind == Kind.DELETED else self.new
        columns = {self.model._meta.get_field(name).attname: value for name, value in values.items()}  # type: ignore[union-attr]
        return {self.model._meta.pk.attname: self.key, **columns}


class _Names:
    """
    What the entries call their objects, without the values of sensitive fields.

    A name may tell a value that the object no longer has. It is looked up only if the object as it is known
    would not be called so: of what happens just now it never is.
    """

    def __init__(self, model: type[models.Model], rows: Sequence[Any]) -> None:
        self._model, self._rows = model, rows
        mask = mask_of(model)
        self._hidden = {field.name for field in model._meta.concrete_fields if mask.hides(field.name)}

    def name_of(self, row: Any, instance: models.Model) -> str:
        name = without_secrets(storable(row.object_repr), instance)
        if not self._hidden or name == repr_of(instance):
            return name
        if self._are_not_logged:
            return f"{self._model._meta.verbose_name} {id_of(instance)}"
        for earlier in self._earlier.get(row.object_pk, ()):
            name = without_secrets(name, earlier)
        return name

    @cached_property
    def _are_not_logged(self) -> bool:
        hidden = self._hidden - {self._model._meta.pk.name}
        if not auditlog.contains(self._model):
            return bool(hidden)
        options = auditlog.get_model_fields(self._model)
        included = set(options["include_fields"]) or hidden
        return not hidden <= included - {*options["exclude_fields"], *options["mask_fields"]}

    @cached_property
    def _earlier(self) -> Mapping[str, Sequence[models.Model]]:
        """By object, instances that hold what the log has of its sensitive fields."""
        found: dict[str, list[models.Model]] = defaultdict(list)
        telling = reduce(or_, (Q(changes__has_key=name) for name in self._hidden))
        entries = (
            get_logentry_model()
            ._base_manager.using(conf.current().DATABASE)
            .filter(
                telling,
                content_type=self._rows[0].content_type_id,
                object_pk__in={row.object_pk for row in self._rows},
            )
        )
        for entry in entries:
            for name in self._hidden & (entry.changes_dict or {}).keys():
                field: Any = self._model._meta.get_field(name)
                for text in entry.changes_dict[name]:
                    value = _value(field, text)
                    if value is not _Unreadable:
                        found[entry.object_pk].append(self._model(**{field.attname: value}))
        return found


class _Unreadable:
    """Stands for a text that is no value of its field."""


def _columns_of(row: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def _value(field: Any, text: Any) -> Any:
    """A text of an entry as a value of the field; under AUDITLOG_STORE_JSON_CHANGES it may be one already."""
    column = field.target_field if field.is_relation else field
    if text is None or (text == _NOTHING and (field.null or not isinstance(column, _TEXTS))):
        return None
    try:
        if isinstance(column, models.JSONField):
            return json.loads(text) if isinstance(text, str) else text
        if isinstance(column, models.DateTimeField) and isinstance(text, str):
            return _moment(column, text)
        return column.to_python(text)
    except (ValidationError, ValueError, TypeError, ArithmeticError):
        return _Unreadable


def _moment(field: Any, text: str) -> Any:
    moment = parse_datetime(text) or field.to_python(text)
    # The package writes UTC, and does not say so.
    return moment.replace(tzinfo=UTC) if is_aware(clock.now()) and is_naive(moment) else moment


_TEXTS = (models.CharField, models.TextField)


def _data(additional: Any) -> Mapping[str, Any]:
    if isinstance(additional, Mapping):
        return additional
    return {} if additional is None else {"additional_data": additional}
