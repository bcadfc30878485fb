"""
What triggers have seen becomes events: a step of each sweep.

An event is recorded in the transaction that deletes its sighting, so it is recorded once, whatever is killed
when. One sweep at a time does it: the events of an object follow each other as its changes did.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.apps import apps
from django.db import OperationalError, connections, models, router, transaction
from django.db.models import Q, QuerySet

from notifyaudit import clock, conf, stopping, waking
from notifyaudit.contention import gave_way, persistent
from notifyaudit.context import Actor
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.models import Sighting
from notifyaudit.retry import RetryPolicy
from notifyaudit.sighted import sighted_tables
from notifyaudit.sources.base import Seen, Source
from notifyaudit.sources.configured import sources
from notifyaudit.text import describe

logger = logging.getLogger("notifyaudit")

BATCH = 500
"""Sightings per transaction."""

RETRY = RetryPolicy(max_attempts=14)
"""For more than a day: a worker that runs older code may meet what only newer code knows."""

# The lock ends with the transaction, and a server that hears nothing from a sweep for so long ends that.
_LOCK = """
SELECT set_config('idle_in_transaction_session_timeout', %s, true)
WHERE pg_try_advisory_xact_lock(hashtext('notifyaudit.sightings'))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """
    Who changed a row, and within what; ``actor`` is ``None`` where nobody has said it.

    Attributes:
        is_told: whether the correlation id was handed over, and is not only that of the transaction.
    """

    actor: Actor | None = None
    correlation_id: str = ""
    is_told: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


def circumstances_of(sighting: Sighting) -> Circumstances:
    """What was handed over by the connection that wrote; of one that handed over nothing, its transaction."""
    known: dict[str, Any] = {}
    # Whoever has set it by hand may have written anything.
    with suppress(ValueError):
        found = json.loads(sighting.context or "{}")
        known = found if isinstance(found, dict) else {}
    actor = Actor(str(known.get("actor_id") or ""), str(known.get("actor_repr") or ""))
    metadata = known.get("metadata")
    return Circumstances(
        actor=actor if actor.id or actor.repr else None,
        correlation_id=str(known.get("correlation_id") or f"transaction-{sighting.transaction}"),
        is_told=bool(known.get("correlation_id")),
        metadata=metadata if isinstance(metadata, dict) else {},
    )


class SightedSource(Source):
    """Base of sources that triggers feed."""

    def connect(self) -> None:
        """Have whoever writes to the tables of its triggers hand over who it is."""
        for model, name in triggered():
            if name == self.name:
                sighted_tables.add(model)

    def problems(self) -> Iterator[str]:
        """Where there are no triggers, or they do not reach the ledger."""
        alias = conf.current().DATABASE
        vendor = connections[alias].vendor
        if self.models and vendor != "postgresql":
            yield f"its triggers need PostgreSQL, and the ledger is in {vendor}: nothing will be seen."
        elif self.models and not apps.is_installed("pgtrigger"):
            yield "add 'pgtrigger' to INSTALLED_APPS, and makemigrations: without it there are no triggers."
        for model in self.models:
            if (home := router.db_for_write(model)) != alias:
                yield (
                    f"{model._meta.label} lives in the database {home!r}, the ledger in {alias!r}: its "
                    "triggers do not find the ledger, and each write fails."
                )

    def from_sightings(self, sightings: Sequence[Sighting]) -> Iterable[Seen | None]:
        """
        What was seen, one for each sighting; ``None``: nothing.

        Raises:
            Exception: the sightings stay, and are tried again one by one.
        """
        return [self.from_sighting(each.after, circumstances_of(each)) for each in sightings]

    def from_sighting(self, payload: Any, context: Circumstances) -> Seen | None:
        """
        One of them.

        Args:
            payload: the row that was inserted, by column.
            context: who changed it.
        """
        raise NotImplementedError(f"{type(self).__qualname__} must say what a sighting is.")


def triggered() -> Iterator[tuple[type[models.Model], str]]:
    """Each model with triggers of ours, and the name of the source that they feed."""
    for model in apps.get_models():
        names = {getattr(trigger, "source", None) for trigger in getattr(model._meta, "triggers", ())}
        yield from ((model, name) for name in sorted(filter(None, names)))


def take_up() -> int:
    """
    Make events of what triggers have seen, the oldest first. What raises stays and is tried again later, and
    keeps nothing else from being taken up.

    Returns:
        how many sightings there were.
    """
    alias = conf.current().DATABASE
    if connections[alias].vendor != "postgresql" or not apps.is_installed("pgtrigger"):
        return 0
    taken = 0
    while not stopping.requested() and _due().exists():
        done = _take_up_batch()
        if done is None:
            break
        taken += done
    return taken


@persistent
def _take_up_batch() -> int | None:
    """How many of one batch are done with, the others wait; ``None``: another sweep is at it."""
    alias = conf.current().DATABASE
    outermost = not connections[alias].in_atomic_block
    with transaction.atomic(using=alias), waking.awake():
        if not _lock(conf.current().LEASE if outermost else timedelta(0)):
            return None
        done = {sighting.pk for sighting in _record(_read_batch())}
        _sightings().filter(pk__in=done).delete()
    return len(done)


def _read_batch() -> list[Sighting]:
    # From the start each time, not from where the last batch ended: a transaction that has ended since may
    # have committed older ones, and a newer change of the same object builds on them.
    batch = _due().order_by("pk")[:BATCH]
    try:
        return list(batch)
    except (ValueError, RecursionError):
        # PostgreSQL keeps JSON that Python does not read, such as a number of 5,000 digits. So each row is
        # read when its source asks for it, and only that one raises.
        return list(batch.defer("before", "after"))


def _lock(lease: timedelta) -> bool:
    with connections[conf.current().DATABASE].cursor() as cursor:
        cursor.execute(_LOCK, [f"{int(lease.total_seconds() * 1000)}"])
        return cursor.fetchone() is not None


def _record(batch: Iterable[Sighting]) -> list[Sighting]:
    """Record each source's sightings together, in the order of all; returns those that did not raise."""
    done = []
    for name, group in groupby(batch, key=lambda sighting: sighting.source):
        together = list(group)
        if _attempt(name, together) is None:
            done += together
        else:
            done += [one for one in together if _attempt_one(name, one)]
    return done


def _attempt_one(name: str, sighting: Sighting) -> bool:
    error = _attempt(name, [sighting])
    if error is None:
        return True
    attempts = sighting.attempts + 1
    pause = RETRY.pause(attempts)
    if not sighting.error:
        logger.error("sighting %s of %s could not be recorded", sighting.pk, name, exc_info=error)
    _sightings().filter(pk=sighting.pk).update(
        attempts=attempts,
        error=describe(error),
        retry_at=clock.now() + pause if pause is not None else None,
    )
    return False


def _attempt(name: str, sightings: list[Sighting]) -> Exception | None:
    try:
        with transaction.atomic(using=conf.current().DATABASE):
            source = _source(name)
            source.report(*filter(None, source.from_sightings(sightings)))
    except Exception as error:
        if isinstance(error, OperationalError) and gave_way(error):
            raise
        return error
    return None


def _source(name: str) -> Any:
    for source in sources():
        if source.name == name and hasattr(source, "from_sightings"):
            return source
    raise ConfigurationError(f"NOTIFYAUDIT['SOURCES'] has no source {name!r} that triggers feed.")


def _due() -> QuerySet[Sighting]:
    fresh, again = Q(attempts=0), Q(retry_at__lte=clock.now())
    return _sightings().filter(fresh | again)


def _sightings() -> QuerySet[Sighting]:
    return Sighting.objects.using(conf.current().DATABASE)
