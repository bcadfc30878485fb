"""From what a caller said to the row that is stored: circumstances added, values as JSON, secrets masked."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.db import connections, models, transaction
from django.db.models import Q
from django.utils import timezone

from notifyaudit import clock, compat, conf, context, rows, watching
from notifyaudit.actions import known
from notifyaudit.context import INHERITED, Actor, AuditContext
from notifyaudit.exceptions import NotInTransaction
from notifyaudit.identity import id_of, reference, repr_of
from notifyaudit.models import AuditEvent
from notifyaudit.secrecy import mask_of
from notifyaudit.subjects import Subject, require_saved
from notifyaudit.text import storable
from notifyaudit.values import mapping, pairs, to_json
from notifyaudit.waking import request_wake_up

_CORRELATION_ID_LENGTH = 190
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """
    An event as its caller gave it; the arguments of ``record()``, the target read already.

    Attributes:
        circumstances: those in which it happened, if they are not those of now.
    """

    action: str
    subject: Subject = field(default_factory=Subject)
    snapshot: Mapping[str, Any] | None = None
    actor: Any = INHERITED
    changes: Mapping[str, Sequence[Any]] | None = None
    related: Iterable[models.Model] = ()
    data: Mapping[str, Any] | None = None
    idempotency_key: str | None = None
    occurred_at: datetime | None = None
    source: str = "app"
    source_ref: str | None = None
    circumstances: AuditContext | None = None


def require_transaction(call: str = "record()") -> None:
    """
    Args:
        call: what was called, for the message.

    Raises:
        NotInTransaction: outside a transaction, under ``REQUIRE_ATOMIC``.
    """
    settings = conf.current()
    if settings.REQUIRE_ATOMIC and not transaction.get_connection(settings.DATABASE).in_atomic_block:
        raise NotInTransaction(call)


def write(drafts: Sequence[Draft], *, silently: bool = False) -> list[AuditEvent]:
    """
    Insert the events in the current transaction (else in one of their own), and ask for one wake-up.

    Args:
        drafts: in the order in which they are to be stored.
        silently: nobody is told of them, now or later: they are stored as routed already.

    Raises:
        Exception: as :func:`notifyaudit.record`, before anything is written.
    """
    alias = conf.current().DATABASE
    events = [_event(draft, draft.circumstances or context.current()) for draft in drafts]
    if silently:
        for event in events:
            event.routed_at = event.recorded_at
    # No savepoint: two more round trips, for what was checked before and cannot fail on its own.
    with transaction.atomic(using=alias, savepoint=False):
        stored = _insert(events, alias)
        # What was said, not what is stored: an event that was there already is one nevertheless.
        watching.cover({label for event in events for label in _about(event)})
        if stored and not silently:
            request_wake_up()
    return stored


def _about(event: AuditEvent) -> Iterable[str]:
    return (event.target_type, *(reference["type"] for reference in event.related))


def _event(draft: Draft, circumstances: AuditContext) -> AuditEvent:
    subject, mask = draft.subject, draft.subject.mask
    actor = circumstances.get_actor() if draft.actor is INHERITED else draft.actor
    actor_id, actor_repr = actor_columns(actor)
    now = clock.now()
    event = AuditEvent(
        action=known.require(draft.action),
        actor_id=actor_id,
        actor_repr=actor_repr,
        target_type=subject.type_name,
        target_id=subject.id,
        target_repr=subject.repr,
        ancestors=subject.ancestors,
        snapshot=None if draft.snapshot is None else mask.apply(draft.snapshot),
        related=[_related(instance) for instance in _several(draft.related)],
        changes=mask.apply_to_changes(pairs(draft.changes or {})),
        data=mask.apply(mapping(draft.data or {})),
        # Not the target's mask: what its model declares public says nothing about a request or a job.
        metadata=mask_of(None).apply(to_json(dict(circumstances.metadata))),
        correlation_id=correlation_id(circumstances),
        idempotency_key=draft.idempotency_key,
        occurred_at=draft.occurred_at or now,
        recorded_at=now,
        source=draft.source,
        source_ref=draft.source_ref,
    )
    _require_storable(event)
    return event


def _insert(events: Sequence[AuditEvent], alias: str) -> list[AuditEvent]:
    plain = [event for event in events if not _is_keyed(event)]
    keyed = [event for event in events if _is_keyed(event)]
    manager = AuditEvent.objects.using(alias)
    manager.bulk_create(plain, batch_size=_BATCH)
    if not keyed:
        return plain
    # ON CONFLICT DO NOTHING: a caught IntegrityError would leave the caller's transaction broken.
    manager.bulk_create(keyed, batch_size=_BATCH, ignore_conflicts=True)
    first = _first_of(keyed, alias)
    return [first(event) if _is_keyed(event) else event for event in events]


def _is_keyed(event: AuditEvent) -> bool:
    return event.idempotency_key is not None or event.source_ref is not None


def _first_of(keyed: Sequence[AuditEvent], alias: str) -> Callable[[AuditEvent], AuditEvent]:
    """Finds the stored event with the key or the reference of one that was perhaps not inserted."""
    stored: dict[Any, AuditEvent] = {}
    for start in range(0, len(keyed), _BATCH):
        chunk = keyed[start : start + _BATCH]
        keys = [event.idempotency_key for event in chunk if event.idempotency_key is not None]
        references = [event.source_ref for event in chunk if event.source_ref is not None]
        same = Q(idempotency_key__in=keys) | Q(source_ref__in=references)
        # The latest first, so that the earliest is what remains.
        taken = AuditEvent.objects.using(alias).filter(same).order_by("-pk")
        for event in rows.committed(taken) if connections[alias].vendor == "mysql" else taken:
            stored |= dict.fromkeys(_names(event), event)

    def first(event: AuditEvent) -> AuditEvent:
        found = [stored[name] for name in _names(event) if name in stored]
        if not found:
            raise AuditEvent.DoesNotExist("the event's keys were taken, but the one that took them is gone")
        return min(found, key=lambda each: each.pk)

    return first


def _names(event: AuditEvent) -> list[tuple[str, ...]]:
    names: list[tuple[str, ...]] = []
    if event.idempotency_key is not None:
        names.append(("key", event.idempotency_key))
    if event.source_ref is not None:
        names.append(("reference", event.source, event.source_ref))
    return names


def correlation_id(circumstances: AuditContext) -> str:
    """The context's, else the request's, else a new one; as it is stored."""
    known_as = circumstances.correlation_id or compat.correlation_id() or uuid4().hex
    return storable(known_as)[:_CORRELATION_ID_LENGTH]


def actor_columns(actor: Any) -> tuple[str, str]:
    """The user's id, empty for who is none, and what an actor is called."""
    if isinstance(actor, Actor):
        return actor.id, actor.repr
    if actor is None or getattr(actor, "is_anonymous", False):
        return "", ""
    return id_of(actor) if isinstance(actor, get_user_model()) else "", repr_of(actor)


def _several(related: Any) -> Iterable[Any]:
    if isinstance(related, models.Model):
        raise TypeError(f"related must be a list of model instances, not one: [{related!r}].")
    return cast("Iterable[Any]", related)


def _related(instance: models.Model) -> dict[str, str]:
    require_saved(instance)
    return reference(instance)


def _require_storable(event: AuditEvent) -> None:
    for name in ("idempotency_key", "source_ref"):
        if getattr(event, name) == "":
            raise ValueError(f"{name} must not be empty; None means that there is none.")
    # In the database each of these breaks the caller's whole transaction.
    for column in event._meta.concrete_fields:
        value = getattr(event, column.attname)
        if not isinstance(value, str):
            continue
        if column.max_length and len(value) > column.max_length:
            raise ValueError(f"{column.name} is longer than {column.max_length} characters: {value[:40]!r}…")
        if storable(value) != value:
            # What people read has been made storable. A key is not: another one's would be found by it.
            raise ValueError(f"{column.name} holds NUL or a lone surrogate: {value[:40]!r}")
    if timezone.is_naive(event.occurred_at) != timezone.is_naive(event.recorded_at):
        expected = "naive" if timezone.is_naive(event.recorded_at) else "aware"
        raise ValueError(
            f"occurred_at must be {expected}, as USE_TZ asks for, not {event.occurred_at!r}; "
            "see django.utils.timezone."
        )
