"""Events from django-simple-history: what its historical records tell, compared with the record before."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge
from inspect import getattr_static
from operator import attrgetter
from typing import Any

from django.db import models, router
from django.db.models import OuterRef, Q, Subquery
from django.db.models.signals import post_save
from simple_history.exceptions import NotHistoricalModelError
from simple_history.models import HistoricalRecords
from simple_history.signals import post_create_historical_record
from simple_history.utils import get_history_model_for_model

from notifyaudit import conf
from notifyaudit.context import INHERITED
from notifyaudit.sources.base import Seen, Source
from notifyaudit.sources.bulk_history import bulk_recorded, tell_of_bulks, tell_of_bulks_no_more
from notifyaudit.sources.mapping import Kind
from notifyaudit.sources.states import Changes, Values, difference, instance_of, with_references
from notifyaudit.sources.table import PAGE, pages
from notifyaudit.subjects import require_saved

logger = logging.getLogger("notifyaudit")

_KINDS = {"+": Kind.CREATED, "~": Kind.UPDATED, "-": Kind.DELETED}


class SimpleHistory(Source):
    """
    Reports each historical record, in the transaction in which it is written: of ``save()``, ``delete()`` and
    many-to-many changes, and of ``bulk_create_with_history()`` and ``bulk_update_with_history()``.

    An update is compared with the object's record before. What is the first of an object's records and no
    creation cannot be compared, and is only logged; ``populate_history`` gives old objects their first one,
    and is no creation either.
    """

    name = "simple_history"

    def connect(self) -> None:
        for model, history in self._kept.items():
            post_create_historical_record.connect(self._recorded, sender=history, weak=False)
            bulk_recorded.connect(self._recorded_in_bulk, sender=history, weak=False)
            tell_of_bulks(model)

    def disconnect(self) -> None:
        for model, history in self._kept.items():
            post_create_historical_record.disconnect(self._recorded, sender=history)
            bulk_recorded.disconnect(self._recorded_in_bulk, sender=history)
            tell_of_bulks_no_more(model)

    def history(self, since: datetime | None = None) -> Iterator[Seen]:
        streams = [self._history_of(model, history, since) for model, history in self._kept.items()]
        yield from merge(*streams, key=attrgetter("occurred_at"))

    def problems(self) -> Iterator[str]:
        if not conf.is_on("SIMPLE_HISTORY_ENABLED"):
            yield "SIMPLE_HISTORY_ENABLED is off, so nothing is seen."
        for model in self.models:
            if model not in self._kept:
                yield f"{model._meta.label} has no HistoricalRecords(), so nothing of it is seen."
                continue
            rules = [rule for rule in self.rules if rule.model is model]
            records = _records_of(model)
            alias, ledger = router.db_for_write(self._kept[model]), conf.current().DATABASE
            if alias != ledger and not (records and records.use_base_model_db):
                yield (
                    f"the history of {model._meta.label} is written to {alias!r}, the ledger to {ledger!r}: "
                    "each save() will raise WrongDatabase. Route it to the ledger, or set use_base_model_db."
                )
            deletions = any(rule.occasion == "deleted" for rule in rules)
            if records and records.cascade_delete_history and deletions:
                yield (
                    f"{model._meta.label} has cascade_delete_history, so its history goes with it and no "
                    "deletion is seen."
                )
            kept = {field.name for field in (*_tracked(self._kept[model]), *_relations(self._kept[model]))}
            for rule in rules:
                if rule.occasion not in {*kept, *map(str, Kind)}:
                    yield f"{rule.text!r}: the history of {model._meta.label} leaves out {rule.occasion!r}."

    @property
    def _kept(self) -> dict[type[models.Model], type[models.Model]]:
        found = {}
        for model in self.models:
            try:
                found[model] = get_history_model_for_model(model)
            except NotHistoricalModelError:
                continue  # told by the system check
        return found

    def _recorded(self, *, instance: models.Model, history_instance: Any, **_: Any) -> None:
        require_saved(history_instance)
        history = type(history_instance)
        excluded = {name: vars(instance)[name] for name in _excluded(history) if name in vars(instance)}
        self._report(history, [history_instance.pk], {history_instance.pk: excluded})

    def _recorded_in_bulk(self, *, sender: type[models.Model], rows: Sequence[Any], **_: Any) -> None:
        for row in rows:
            require_saved(row)
        # Of what populate_history writes, nothing happened just now.
        self._report(sender, [row.pk for row in rows if not _is_starting_point(row)], {}, in_bulk=True)

    def _report(
        self,
        history: type[models.Model],
        keys: Sequence[Any],
        excluded: Mapping[Any, Values],
        *,
        in_bulk: bool = False,
    ) -> None:
        for start in range(0, len(keys), PAGE):
            portion = keys[start : start + PAGE]
            # Read back: an instance may hold expressions, or texts that the database made numbers of.
            written = _written(history).in_bulk(portion)
            rows = [written[key] for key in portion]
            self.report(*self._seen_in(history, rows, excluded, in_bulk=in_bulk))

    def _history_of(
        self, model: type[models.Model], history: type[models.Model], since: datetime | None
    ) -> Iterator[Seen]:
        rows = _written(history)
        if since is not None:
            rows = rows.filter(history_date__gte=since)
        for page in pages(rows, "history_date"):
            telling = [row for row in page if not _is_starting_point(row)]
            yield from self._seen_in(history, telling, _excluded_today(model, history, telling))

    def _seen_in(
        self,
        history: Any,
        rows: Sequence[Any],
        excluded: Mapping[Any, Values],
        *,
        in_bulk: bool = False,
    ) -> Iterable[Seen]:
        model = history.instance_type
        before = _written(history).in_bulk({row.before for row in rows if row.before is not None})
        related = _related_keys(history, [*rows, *before.values()])
        telling, changes = [], []
        for row in rows:
            previous = before.get(row.before)
            if row.history_type == "~" and previous is None:
                logger.warning(
                    "%s %s has no record before %s, so what changed is unknown: run populate_history",
                    model._meta.label,
                    getattr(row, model._meta.pk.attname),
                    row.pk,
                )
                continue
            telling.append(row)
            changes.append(_changes(model, row, previous, related, in_bulk=in_bulk))
        user_of = _users()
        for row, changed in zip(telling, with_references(model, changes), strict=True):
            values = {field.attname: getattr(row, field.attname) for field in _tracked(history)}
            values = {**excluded.get(row.pk, {}), **values}
            yield Seen(
                reference=_reference(history, row),
                kind=_KINDS[row.history_type],
                target=instance_of(model, values, row._state.db),
                changes=changed,
                snapshot=values if row.history_type == "-" else None,
                actor=user_of(row) or INHERITED,
                occurred_at=row.history_date,
                data={"reason": row.history_change_reason} if row.history_change_reason else {},
            )


def _users() -> Callable[[Any], Any]:
    """Asks each user's record once: where history_user is a property, each time costs a statement."""
    found: dict[Any, Any] = {}

    def user_of(row: Any) -> Any:
        key = row.history_user_id
        if key is not None and key not in found:
            found[key] = row.history_user
        return found.get(key)

    return user_of


def _changes(
    model: type[models.Model],
    row: Any,
    previous: Any,
    related: Mapping[Any, Mapping[str, list[Any]]],
    *,
    in_bulk: bool,
) -> Changes:
    if row.history_type == "-":
        return {}
    old = None if row.history_type == "+" else _values(previous)
    changes = difference(model, old, _values(row))
    if in_bulk:
        return changes
    relations_before = None if old is None else related[previous.pk]
    relations = difference(model, relations_before, related[row.pk])
    if changes and old is not None:
        # A bulk helper's record holds no relations. They do not come and go together with columns: each
        # has a record of its own.
        relations = {name: sides for name, sides in relations.items() if all(sides)}
    return changes | relations


def _values(row: Any) -> Values:
    return {field.name: getattr(row, field.attname) for field in _tracked(type(row))}


def _tracked(history: Any) -> "Sequence[models.Field[Any, Any]]":
    return history.tracked_fields  # type: ignore[no-any-return]


def _relations(history: Any) -> "Sequence[models.ManyToManyField[Any, Any]]":
    return history._history_m2m_fields  # type: ignore[no-any-return] # noqa: SLF001 - its own diff reads it


def _reference(history: type[models.Model], row: Any) -> str:
    # Each model has a table of its own, and counts from one.
    return f"{history._meta.label_lower}:{row.pk}"


def _written(history: type[models.Model]) -> "models.QuerySet[Any]":
    """The records, each with the key of the one before it of the same object in ``before``."""
    rows = history._base_manager.using(conf.current().DATABASE)
    if not isinstance(getattr_static(history, "history_user", None), property):
        rows = rows.select_related("history_user")
    key = history.instance_type._meta.pk.attname  # type: ignore[attr-defined]
    of_object = history._base_manager.filter(**{key: OuterRef(key)})
    if isinstance(history._meta.pk, models.IntegerField):
        earlier = of_object.filter(pk__lt=OuterRef("pk")).order_by("-pk")
    else:
        # A UUID does not tell which was first. The date does, unless the clock stood still.
        same_moment = Q(history_date=OuterRef("history_date"), pk__lt=OuterRef("pk"))
        earlier = of_object.filter(Q(history_date__lt=OuterRef("history_date")) | same_moment)
        earlier = earlier.order_by("-history_date", "-pk")
    annotated: models.QuerySet[Any] = rows.annotate(before=Subquery(earlier.values("pk")[:1]))
    return annotated


def _related_keys(history: Any, rows: Iterable[Any]) -> dict[Any, dict[str, list[Any]]]:
    """What each record holds of many-to-many relations: a statement a field."""
    keys: dict[Any, dict[str, list[Any]]] = defaultdict(dict)
    for row in rows:
        keys[row.pk] = {field.name: [] for field in _relations(history)}
    for field in _relations(history):
        kept = getattr(history, field.name).model
        through: Any = field.remote_field.through
        column = through._meta.get_field(field.m2m_reverse_field_name()).attname
        found = kept._base_manager.using(conf.current().DATABASE).filter(history__in=list(keys))
        for row, key in found.order_by(column).values_list("history", column):
            keys[row][field.name].append(key)
    return keys


def _excluded(history: Any) -> list[str]:
    """The columns of the model that its records leave out."""
    kept = {field.attname for field in _tracked(history)}
    columns = history.instance_type._meta.concrete_fields
    return [field.attname for field in columns if field.attname not in kept]


def _excluded_today(
    model: type[models.Model], history: type[models.Model], rows: Sequence[Any]
) -> dict[Any, Values]:
    """By record: what its object holds today in the columns that no record has."""
    excluded = _excluded(history)
    if not excluded:
        return {}
    key = model._meta.pk.attname
    today = model._base_manager.using(conf.current().DATABASE)
    found = today.filter(pk__in={getattr(row, key) for row in rows}).values(key, *excluded)
    by_object = {each[key]: each for each in found}
    return {row.pk: by_object.get(getattr(row, key), {}) for row in rows}


def _is_starting_point(row: Any) -> bool:
    """
    Whether it is what populate_history gave an object that was there before. Only that leaves the reason
    empty in a creation by nobody: where none was given it is NULL.
    """
    return row.history_type == "+" and row.history_change_reason == "" and not row.history_user_id


def _records_of(model: type[models.Model]) -> HistoricalRecords | None:
    # Nothing else holds it: the package connects its methods and forgets it.
    for receivers in post_save._live_receivers(model):  # noqa: SLF001
        for receiver in receivers:
            if isinstance(owner := getattr(receiver, "__self__", None), HistoricalRecords):
                return owner
    return None
