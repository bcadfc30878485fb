"""What another audit trail has seen before, as events that nobody is told of."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction

from notifyaudit import conf, stopping
from notifyaudit.models import AuditEvent
from notifyaudit.sources.base import Seen, Source

BATCH = 500
"""Sightings per transaction: what a kill in the middle repeats, and what is in memory."""


@dataclass(slots=True)
class Backfilled:
    """What a backfill has done so far: how much was seen, recorded, recorded before, and is no event."""

    seen: int = 0
    recorded: int = 0
    there_already: int = 0
    no_event: int = 0

    def __str__(self) -> str:
        return (
            f"{self.seen} seen: {self.recorded} recorded, {self.there_already} recorded before, "
            f"{self.no_event} that are no events"
        )


def backfill(source: Source, since: datetime | None = None, *, pretend: bool = False) -> Iterator[Backfilled]:
    """
    Record a source's history, the oldest first, and tell nobody. Safe to repeat, to end anywhere and to run
    while the source reports what happens now.

    Args:
        source: whose.
        since: leave out what was seen before.
        pretend: only count.

    Yields:
        how far it is, after each portion; the same object, counted up.

    Raises:
        NotImplementedError: if the source keeps no history.
    """
    done = Backfilled()
    history = source.history(since)
    while not stopping.requested() and (portion := list(islice(history, BATCH))):
        _record(source, portion, done, pretend=pretend)
        yield done


def _record(source: Source, portion: list[Seen], done: Backfilled, *, pretend: bool) -> None:
    with transaction.atomic(using=conf.current().DATABASE):
        there = _there_already(source, portion)
        new = [seen for seen in portion if seen.reference not in there]
        recorded = sum(map(source.is_event, new)) if pretend else len(source.report(*new, silently=True))
    done.seen += len(portion)
    done.there_already += len(portion) - len(new)
    done.recorded += recorded
    done.no_event += len(new) - recorded


def _there_already(source: Source, portion: list[Seen]) -> set[str | None]:
    references = [seen.reference for seen in portion]
    events = AuditEvent.objects.using(conf.current().DATABASE).filter(source=source.name)
    return set(events.filter(source_ref__in=references).values_list("source_ref", flat=True))
