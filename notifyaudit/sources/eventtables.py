"""The event tables of django-pghistory: which row is what, and what an object was like before."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import pghistory
from django.db import connections, models
from pghistory.models import Context

from notifyaudit import conf
from notifyaudit.identity import type_of
from notifyaudit.masking import MASK
from notifyaudit.models.sighting import ExactDecoder
from notifyaudit.secrecy import mask_of
from notifyaudit.sources.mapping import OPERATIONS, Kind
from notifyaudit.sources.restoring import Row, python_value
from notifyaudit.statements import quoted

DEFAULT_LABELS = {operation.lower(): kind for operation, kind in OPERATIONS.items()}
"""Those of pghistory's own trackers."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """
    What an event says of its object: the rows before and after an update, as far as anybody has kept them.

    Attributes:
        latest: the last that is known of the object, at that time.
        is_known: whether there is nothing else to know of what changed.
    """

    reference: str
    label: str
    kind: Kind
    latest: Row
    before: Row | None = None
    after: Row | None = None
    is_known: bool = True


class EventTable:
    """An event model of ``@pghistory.track()``, or a project's own."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.label = model._meta.label
        self.tracked: type[models.Model] = model.pgh_tracked_model._meta.concrete_model  # type: ignore[attr-defined]
        self._trackers: dict[str, Any] = {each.label: each for each in model.pgh_trackers or ()}  # type: ignore[attr-defined]

    def tracks(self, model: type[models.Model]) -> bool:
        """Whether it holds the events of this model."""
        return type_of(self.tracked) == type_of(model)

    def kinds(self) -> set[Kind]:
        """What its trackers see; anything may be told by hand."""
        return {
            kind
            for tracker in self._trackers.values()
            for kind in (self._operations(tracker) or [Kind.UPDATED])
        }

    def problems(self) -> Iterator[str]:
        """Trackers whose events cannot be told apart, or do not say of which object they are."""
        if self._object_column is None:
            yield (
                f"the events of {self.label} do not say of which object they are: it has no pgh_obj, and its "
                "primary key is excluded."
            )
        for tracker in self._trackers.values():
            if len(self._operations(tracker)) > 1:
                yield (
                    f"the tracker {tracker.label!r} of {self.label} is for several operations, which cannot "
                    "be told apart and count as updates. Give each a tracker with a label of its own."
                )

    def moment(self, row: Row) -> datetime:
        """When the event was made; by pghistory's default, when its transaction began."""
        moment: datetime = python_value(self.model._meta.get_field("pgh_created_at"), row["pgh_created_at"])
        return moment

    def contexts(self, found: Sequence[Row]) -> dict[str, dict[str, Any]]:
        """The metadata of the contexts that these rows name, by their ids."""
        field = next((f for f in self.model._meta.concrete_fields if f.name == "pgh_context"), None)
        ids = {row["pgh_context_id"] for row in found if row.get("pgh_context_id")}
        alias = conf.current().DATABASE
        if not ids or field is None:
            return {}
        if isinstance(field, models.ForeignKey):
            contexts = Context._base_manager.using(alias)
            return {str(context.pk): context.metadata for context in contexts.filter(pk__in=ids)}
        events = self.model._base_manager.using(alias).filter(pgh_id__in=[row["pgh_id"] for row in found])
        return {str(key): context for key, context in events.values_list("pgh_context_id", "pgh_context")}

    def read(self, since: datetime | None, size: int) -> Iterator[list[Row]]:
        """All events in portions, the oldest first."""
        last = 0
        while portion := self._query(
            f"SELECT NULL, to_jsonb(e), NULL FROM {self._table} AS e WHERE e.pgh_id > %s "
            "AND (%s::timestamptz IS NULL OR e.pgh_created_at >= %s) ORDER BY e.pgh_id LIMIT %s",
            [last, since, since, size],
        ):
            found = [row for _, row, _ in portion if row is not None]
            last = found[-1]["pgh_id"]
            yield found

    def states(self, found: Sequence[Row]) -> list[State | None]:
        """What each event says; ``None`` of one that another says better: the old row of an update."""
        updates = [
            row
            for row in found
            if self._kind(row) == Kind.UPDATED and str(row["pgh_label"]) not in self._labels_by_hand
        ]
        others = self._others([row for row in updates if self._keeps_new(row)], *self._previous)
        others |= self._others([row for row in updates if not self._keeps_new(row)], *self._following)
        return [self._state(row, *others.get(row["pgh_id"], (None, None))) for row in found]

    def _state(self, row: Row, own: Row | None, other: Row | None) -> State | None:
        kind, label, keeps_new = self._kind(row), str(row["pgh_label"]), self._keeps_new(row)
        if kind == Kind.UPDATED and not keeps_new and self._new_rows_of_updates:
            return None
        before: Row | None = None
        after: Row | None = None
        if other is not None:
            # Of the object's own row, only what is tracked.
            other = {name: value for name, value in other.items() if name in row}
            sides = (other, own or row) if keeps_new else (own or row, other)
            before, after = self._hidden(*sides, is_comparable=own is not None)
        return State(
            reference=str(row["pgh_id"]),
            label=label,
            kind=kind,
            latest=self._identified(after or {**row, **dict.fromkeys(self._secrets(row), MASK)}, row),
            before=before,
            after=after,
            is_known=kind != Kind.UPDATED or other is not None,
        )

    def _hidden(self, before: Row, after: Row, *, is_comparable: bool) -> tuple[Row, Row]:
        """Both without secrets. As in a sighting, one that is missing in the old row was changed."""
        hidden = dict.fromkeys(self._secrets(after), MASK)
        changed = {name for name in hidden if is_comparable and before.get(name) != after[name]}
        old = {name: value for name, value in {**before, **hidden}.items() if name not in changed}
        return old, {**after, **hidden}

    def _secrets(self, row: Row) -> Iterator[str]:
        masks = mask_of(self.model), mask_of(self.tracked)
        for field in self.tracked._meta.concrete_fields:
            if field.column in row and any(mask.hides(field.name) for mask in masks):
                yield str(field.column)

    def _identified(self, row: Row, event: Row) -> Row:
        key = str(self.tracked._meta.pk.column)
        return row if key in row else {**row, key: event.get("pgh_obj_id")}

    def _kind(self, row: Row) -> Kind:
        kinds = self._operations(self._trackers.get(str(row["pgh_label"])))
        if not kinds and row["pgh_label"] not in self._trackers:
            # Of a tracker that there is no more.
            return DEFAULT_LABELS.get(str(row["pgh_label"]), Kind.UPDATED)
        return kinds[0] if len(kinds) == 1 else Kind.UPDATED

    @staticmethod
    def _operations(tracker: Any) -> list[Kind]:
        """What a tracker of rows sees; empty of one that is told by hand."""
        if not isinstance(tracker, pghistory.RowEvent):
            return []
        # "UPDATE OF …" is an update, too.
        return [OPERATIONS[str(operation).split()[0]] for operation in tracker.operation or ()]

    def _keeps_new(self, row: Row) -> bool:
        return str(row["pgh_label"]) not in self._old_labels

    @cached_property
    def _old_labels(self) -> list[str]:
        rows = [each for each in self._trackers.values() if isinstance(each, pghistory.RowEvent)]
        return [str(tracker.label) for tracker in rows if tracker.row == "OLD"]

    @cached_property
    def _labels_by_hand(self) -> list[str]:
        return [label for label, tracker in self._trackers.items() if not self._operations(tracker)]

    @cached_property
    def _new_rows_of_updates(self) -> bool:
        return any(
            Kind.UPDATED in self._operations(tracker) and label not in self._old_labels
            for label, tracker in self._trackers.items()
        )

    def _others(
        self, found: Sequence[Row], other: str, parameters: list[Any]
    ) -> dict[int, tuple[Row | None, Row | None]]:
        """By id: the event as it is stored, unless it is gone, and the row on the other side of it."""
        column = self._object_column
        if not found or column is None:
            return {}
        ids = [row["pgh_id"] for row in found]
        objects = [None if row[column] is None else str(row[column]) for row in found]
        portion = self._query(
            f"SELECT w.id, (SELECT to_jsonb(e) FROM {self._table} AS e WHERE e.pgh_id = w.id), {other} "
            "FROM unnest(%s::bigint[], %s::text[]) AS w (id, object)",
            [*parameters, ids, objects],
        )
        return {identifier: (own, row) for identifier, own, row in portion}

    @property
    def _previous(self) -> tuple[str, list[Any]]:
        """What the object was before; where there is no earlier event, the old row of the same update."""
        # "+ 0": by the index of the object, never backwards through all events. An event made by hand shows
        # an instance, which may never have been saved like that.
        sql = (
            f"coalesce((SELECT to_jsonb(p) FROM {self._table} AS p WHERE {self._same_object} "
            "AND p.pgh_id < w.id AND p.pgh_label <> ALL(%s) ORDER BY p.pgh_id + 0 DESC LIMIT 1), "
            f"(SELECT to_jsonb(p) FROM {self._table} AS p, {self._table} AS e WHERE {self._same_object} "
            "AND e.pgh_id = w.id AND p.pgh_created_at = e.pgh_created_at AND p.pgh_label = ANY(%s) "
            "ORDER BY abs(p.pgh_id - w.id) LIMIT 1))"
        )
        return sql, [[*self._old_labels, *self._labels_by_hand], self._old_labels]

    @property
    def _following(self) -> tuple[str, list[Any]]:
        """The old row of the next update or of the deletion; else, the object is still as it became."""
        table, key = quoted(self.tracked._meta.db_table), quoted(str(self.tracked._meta.pk.column))
        sql = (
            f"coalesce((SELECT to_jsonb(p) FROM {self._table} AS p WHERE {self._same_object} "
            "AND p.pgh_id > w.id AND p.pgh_label = ANY(%s) ORDER BY p.pgh_id + 0 LIMIT 1), "
            f"(SELECT to_jsonb(t) FROM {table} AS t WHERE t.{key} = w.object::{self._object_type}))"
        )
        return sql, [self._old_labels]

    @property
    def _same_object(self) -> str:
        return f"p.{quoted(str(self._object_column))} = w.object::{self._object_type}"

    @cached_property
    def _object_column(self) -> str | None:
        columns = {str(field.column) for field in self.model._meta.concrete_fields}
        key = str(self.tracked._meta.pk.column)
        return next((column for column in ("pgh_obj_id", key) if column in columns), None)

    @cached_property
    def _object_type(self) -> str:
        return str(self.tracked._meta.pk.rel_db_type(connections[conf.current().DATABASE]))

    @cached_property
    def _table(self) -> str:
        return quoted(self.model._meta.db_table)

    @staticmethod
    def _query(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, Row | None, Row | None]]:
        with connections[conf.current().DATABASE].cursor() as cursor:
            cursor.execute(sql, parameters)
            return [(key, _read(own), _read(other)) for key, own, other in cursor.fetchall()]


def _read(text: str | None) -> Row | None:
    return None if text is None else json.loads(text, cls=ExactDecoder)
