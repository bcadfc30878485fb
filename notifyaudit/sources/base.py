"""What every source has in common: from what an audit package saw to an event in the same transaction."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from typing import Any, ClassVar

from django.db import models, transaction

from notifyaudit import conf, context, rows
from notifyaudit.context import INHERITED, AuditContext
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.identity import type_of
from notifyaudit.models import AuditEvent
from notifyaudit.sources.mapping import Kind, Rule, action_for, by_model
from notifyaudit.subjects import Subject, is_saved
from notifyaudit.values import to_json
from notifyaudit.writing import Draft, require_transaction, write

logger = logging.getLogger("notifyaudit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    One thing that an audit package saw.

    Attributes:
        reference: its row there, as text; there is one event per source and reference.
        kind: what happened to the object.
        target: the object as it was then. An instance need not be in the database; of one that was deleted
            the event keeps the values.
        changes: ``{field: (old, new)}``; an update without any is no event. ``None``: nobody knows what it
            changed, so of the mapping only ``updated`` fits.
        actor: a user, words for what is none, or ``None``. Default: that of the current ``audit_context``.
        occurred_at: when, if not now.
        related: further saved objects that were involved.
        data: what else the package knows of it, such as ``{"reason": "…"}``.
        metadata: the circumstances, such as ``{"url": "…"}``; added to those of the current context.
        correlation_id: of the request or job, if it is not the current one's.
        snapshot: of a deleted object what was kept of it, by column. Default: all values of the target.

    Raises:
        TypeError: if the reference is no text, or the target neither an instance nor a ``Subject``.
        ValueError: if there is no such kind.
    """

    reference: str
    kind: Kind
    target: models.Model | Subject
    changes: Mapping[str, Sequence[Any]] | None = field(default_factory=dict)
    actor: Any = INHERITED
    occurred_at: datetime | None = None
    related: Iterable[models.Model] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: str = ""
    snapshot: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.reference, str):
            raise TypeError(f"Seen.reference must be text: str({self.reference!r}).")
        if not isinstance(self.target, models.Model | Subject):
            raise TypeError(f"Seen.target must be a model instance or a Subject, not {self.target!r}.")
        if self.kind not in set(Kind):
            raise ValueError(f"Seen.kind must be Kind.CREATED, UPDATED or DELETED, not {self.kind!r}.")

    @property
    def model(self) -> type[models.Model] | None:
        """The model of the object; ``None`` if no installed app has it any more."""
        return self.target.model if isinstance(self.target, Subject) else self.target._meta.model


class Source:
    """
    Base of what turns the rows of another audit trail into events.

    Attributes:
        name: stored with each event (``AuditEvent.source``), so it stays as it is.

    Args:
        mapping: what was seen → which action that is; an entry of ``NOTIFYAUDIT["SOURCES"]``.

    Raises:
        ConfigurationError: if the class has no name of its own.
    """

    name: ClassVar[str] = ""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        if not self.name or self.name == "app":
            raise ConfigurationError(
                f"{type(self).__module__}.{type(self).__qualname__} needs a name of its own, such as "
                "name = 'changes': events are stored under it."
            )
        self.rules = [Rule.parse(text, action) for text, action in mapping.items()]

    @cached_property
    def models(self) -> list[type[models.Model]]:
        """The models that the mapping names, each once."""
        return list(dict.fromkeys(rule.model for rule in self.rules if rule.model is not None))

    @cached_property
    def _by_model(self) -> dict[str, list[Rule]]:
        return by_model(self.rules)

    def connect(self) -> None:
        """Begin to listen; called once, when all models are loaded."""

    def disconnect(self) -> None:
        """Listen no more: the setting was changed, as tests do."""

    def history(self, since: datetime | None = None) -> Iterator[Seen]:
        """
        What the package has seen until now, the oldest first, in memory that does not grow.

        Args:
            since: leave out what was seen before.

        Raises:
            NotImplementedError: by default: there is no history to be had.
        """
        raise NotImplementedError(f"The source {self.name!r} keeps no history that could be read.")

    def problems(self) -> Iterator[str]:
        """What this source will never see although the mapping names it, for the system check."""
        return iter(())

    def action_for(self, seen: Seen) -> str | None:
        """Which action this is by the mapping; ``None``: none, so nothing is recorded."""
        rules = self._by_model.get(type_of(seen.model), ()) if seen.model is not None else ()
        return action_for(rules, seen.kind, seen.changes or {})

    def report(self, *seen: Seen, silently: bool = False) -> list[AuditEvent]:
        """
        Record what was seen, in the caller's transaction: once per reference, however often it is reported.

        Args:
            seen: one, or many at once, in their order.
            silently: nobody is told, now or later. For what happened long ago.

        Returns:
            the events of what the mapping knows, save updates that changed nothing.

        Raises:
            UnknownAction: if the mapping names an action that no ``Action`` class declares.
            WrongDatabase: if the object lives in another database than the ledger.
            NotInTransaction: outside a transaction, under ``REQUIRE_ATOMIC``.
        """
        require_transaction()
        drafts = [draft for each in seen if (draft := self._draft(each)) is not None]
        if not drafts:
            return []
        if not transaction.get_connection(conf.current().DATABASE).in_atomic_block:
            _warn_of_autocommit(self.name)
        events = write(drafts, silently=silently)
        if not silently:
            _tell_after_all(events)
        return events

    def is_event(self, seen: Seen) -> bool:
        """Whether :meth:`report` would record this."""
        return self._action_for(seen) is not None

    def _action_for(self, seen: Seen) -> str | None:
        if seen.kind == Kind.UPDATED and seen.changes is not None and not seen.changes:
            return None
        return self.action_for(seen)

    def _draft(self, seen: Seen) -> Draft | None:
        action = self._action_for(seen)
        if action is None:
            return None
        return Draft(
            action=action,
            subject=_subject(seen.target),
            snapshot=_snapshot(seen),
            actor=seen.actor,
            changes=seen.changes,
            related=seen.related,
            data=seen.data,
            occurred_at=seen.occurred_at,
            source=self.name,
            source_ref=seen.reference,
            circumstances=_circumstances(seen),
        )


def _tell_after_all(events: Sequence[AuditEvent]) -> None:
    """
    A backfill reads what was committed a moment ago, and may come before the source's own report of it, which
    is after the commit for triggers and in autocommit. Nobody has been told then, and everybody is to be.
    """
    silenced = [event.pk for event in events if event.routed_at == event.recorded_at]
    if silenced:
        AuditEvent.objects.using(conf.current().DATABASE).filter(pk__in=silenced).update(routed_at=None)


@cache
def _warn_of_autocommit(name: str) -> None:
    # Once for each source: a project that does not write in transactions does so everywhere.
    logger.warning(
        "the source %s saw a change outside of a transaction: the event is not written with the change, and "
        "a process that dies in between loses it. Write in transaction.atomic(), or set ATOMIC_REQUESTS",
        name,
    )


def _snapshot(seen: Seen) -> Mapping[str, Any] | None:
    if seen.kind != Kind.DELETED:
        return None
    if seen.snapshot is not None:
        kept: dict[str, Any] = to_json(dict(seen.snapshot))
        return kept
    if isinstance(seen.target, Subject):
        return None
    return rows.snapshot(seen.target)


def _subject(target: models.Model | Subject) -> Subject:
    if isinstance(target, Subject):
        return target
    return Subject.of(target) if is_saved(target) else Subject.described(target)


def _circumstances(seen: Seen) -> AuditContext:
    current = context.current()
    identifier = seen.correlation_id or current.correlation_id
    return AuditContext(
        get_actor=current.get_actor,
        get_correlation_id=lambda: identifier,
        metadata={**current.metadata, **seen.metadata},
    )
