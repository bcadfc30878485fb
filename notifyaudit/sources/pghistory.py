"""Events of django-pghistory: its triggers see bulk updates, raw SQL and psql too. PostgreSQL."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import Any

import pgtrigger
from django.contrib.auth import get_user_model
from django.db import models
from pghistory.core import event_models

from notifyaudit import conf, rows
from notifyaudit.context import Actor
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.identity import Lookup, key_from
from notifyaudit.models import Sighting
from notifyaudit.sighted import sighted_tables
from notifyaudit.sources.base import Seen
from notifyaudit.sources.eventtables import DEFAULT_LABELS, EventTable, State
from notifyaudit.sources.mapping import Kind
from notifyaudit.sources.restoring import Row, changes_between, restored
from notifyaudit.sources.sightings import Circumstances, SightedSource, circumstances_of
from notifyaudit.sources.triggers import CONTEXT, HistoryRelay
from notifyaudit.subjects import load_ancestors

_CHUNK = 500


class PgHistory(SightedSource):
    """
    Reports the events of each model of the mapping that ``@pghistory.track()`` follows.

    A trigger of ours on their tables leaves word of each for the next sweep. ``makemigrations`` makes it once
    the mapping names the model.
    """

    name = "pghistory"

    @cached_property
    def tables(self) -> dict[str, EventTable]:
        """The event models of the mapping's models, by label."""
        found = [
            EventTable(event_model)
            for model in self.models
            for event_model in event_models(
                tracks_model=model._meta.concrete_model, include_missing_pgh_obj=True
            )
        ]
        return {table.label: table for table in found}

    def connect(self) -> None:
        """Put the trigger into the event models' ``Meta.triggers``."""
        for table in self.tables.values():
            trigger: Any = HistoryRelay(self.name, masked_by=[table.tracked])
            if trigger.get_uri(table.model) not in pgtrigger.registry._registry:  # noqa: SLF001 - no other way
                trigger.register(table.model)
            sighted_tables.add(table.tracked)
        super().connect()

    def disconnect(self) -> None:
        """The triggers stay: they are the database's."""
        for table in self.tables.values():
            sighted_tables.discard(table.tracked)

    def problems(self) -> Iterator[str]:
        """Models that pghistory does not follow, and operations that no tracker sees."""
        yield from super().problems()
        for model in self.models:
            tables = [table for table in self.tables.values() if table.tracks(model)]
            if not tables:
                yield f"{model._meta.label} is not tracked: decorate it with @pghistory.track()."
                continue
            seen = {kind for table in tables for kind in table.kinds()}
            for rule in self.rules:
                wanted = _kind_of(rule.occasion)
                if rule.model is model and wanted not in seen:
                    yield (
                        f"{rule.text!r} will never be seen: {model._meta.label} has no tracker for it. Add "
                        f"pghistory.{_TRACKERS[wanted]}() to its @pghistory.track(…)."
                    )
        for table in self.tables.values():
            yield from table.problems()

    def from_sightings(self, sightings: Sequence[Sighting]) -> list[Seen | None]:
        """
        Raises:
            ConfigurationError: if the mapping names no model with this event model.
        """
        seen: list[Seen | None] = []
        for label, group in groupby(sightings, key=lambda each: each.model):
            if label not in self.tables:
                raise ConfigurationError(
                    f"The mapping of the source {self.name!r} names no model whose events are in {label!r}."
                )
            together = list(group)
            found = [sighting.after or {} for sighting in together]
            seen += self._seen(self.tables[label], found, [circumstances_of(each) for each in together])
        return seen

    def history(self, since: datetime | None = None) -> Iterator[Seen]:
        """All that the event tables hold; see :meth:`Source.history`."""
        streams = [self._history(table, since) for table in self.tables.values()]
        return merge(*streams, key=attrgetter("occurred_at"))

    def _history(self, table: EventTable, since: datetime | None) -> Iterator[Seen]:
        for chunk in table.read(since, _CHUNK):
            yield from filter(None, self._seen(table, chunk, [Circumstances() for _ in chunk]))

    def _seen(
        self, table: EventTable, found: Sequence[Row], circumstances: Sequence[Circumstances]
    ) -> list[Seen | None]:
        states = table.states(found)
        told = [state for state in states if state is not None]
        targets = dict(zip(map(id, told), _targets(table, told), strict=True))
        changes = dict(zip(map(id, told), _changes(table, told), strict=True))
        known = _Circumstances(table, found, circumstances)
        return [
            None
            if state is None
            else Seen(
                reference=f"{table.label}.{state.reference}",
                kind=state.kind,
                target=targets[id(state)],
                changes=changes[id(state)],
                occurred_at=table.moment(row),
                data={"label": state.label} if state.label not in DEFAULT_LABELS else {},
                **known.of(row, by),
            )
            for state, row, by in zip(states, found, circumstances, strict=True)
        ]


_TRACKERS = {Kind.CREATED: "InsertEvent", Kind.UPDATED: "UpdateEvent", Kind.DELETED: "DeleteEvent"}


def _kind_of(occasion: str) -> Kind:
    return Kind(occasion) if occasion in set(Kind) else Kind.UPDATED


def _targets(table: EventTable, states: Sequence[State]) -> list[models.Model]:
    targets = [restored(table.tracked, state.latest) for state in states]
    load_ancestors(targets)
    return targets


def _changes(table: EventTable, states: Sequence[State]) -> list[Any]:
    updated = [state for state in states if state.before is not None and state.after is not None]
    between = changes_between(
        table.tracked,
        [state.before for state in updated if state.before is not None],
        [state.after for state in updated if state.after is not None],
    )
    created = [state for state in states if state.kind == Kind.CREATED]
    contents = rows.contents([restored(table.tracked, state.latest) for state in created], relations=False)
    found = dict(zip(map(id, updated), between, strict=True))
    found |= dict(zip(map(id, created), contents, strict=True))
    # An update of which nobody has kept what was before.
    return [found.get(id(state), {}) if state.is_known else None for state in states]


class _Circumstances:
    """Who and within what, by the contexts of pghistory and of this library, for many rows at once."""

    def __init__(
        self, table: EventTable, found: Sequence[Row], circumstances: Sequence[Circumstances]
    ) -> None:
        self._contexts = table.contexts(found)
        user_model = get_user_model()
        users = [
            str(user)
            for row, by in zip(found, circumstances, strict=True)
            if by.actor is None and (user := self._context(row).get("user")) is not None
        ]
        self._users = Lookup(((user_model._meta.label, user) for user in users), conf.current().DATABASE)

    def of(self, row: Row, by: Circumstances) -> dict[str, Any]:
        """What of it an event keeps. What was handed over to the triggers comes first."""
        context = dict(self._context(row))
        user = context.pop("user", None)
        identifier = row.get("pgh_context_id")
        return {
            "actor": by.actor or self._actor(user),
            "metadata": {**context, **by.metadata},
            "correlation_id": (by.correlation_id if by.is_told else "")
            or str(context.get("correlation_id") or identifier or by.correlation_id),
        }

    def _context(self, row: Row) -> dict[str, Any]:
        return self._contexts.get(str(row.get("pgh_context_id"))) or _given(row)

    def _actor(self, user: Any) -> Any:
        if user is None:
            return None
        model = get_user_model()
        found = self._users.get(model._meta.label, str(user))
        if found is not None:
            return found
        return Actor(str(user), "") if key_from(model, str(user)) is not None else str(user)


def _given(row: Row) -> dict[str, Any]:
    given = row.get("pgh_context") or row.get(CONTEXT)
    with suppress(ValueError):
        given = json.loads(given) if isinstance(given, str) else given
    return given if isinstance(given, dict) else {}
