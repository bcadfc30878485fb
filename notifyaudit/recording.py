"""What a caller calls: one row in the caller's own transaction, and a wake-up once it has committed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.db import connections, models, transaction
from django.db.models import Q
from django.utils import timezone

from notifyaudit import compat, conf, context, rows
from notifyaudit.actions import known
from notifyaudit.context import INHERITED
from notifyaudit.exceptions import NotInTransaction, UnsavedTarget
from notifyaudit.identity import id_of, reference, repr_of
from notifyaudit.models import AuditEvent
from notifyaudit.subjects import Subject, require_saved
from notifyaudit.tasks import request_wake_up
from notifyaudit.text import storable
from notifyaudit.values import to_json

_CORRELATION_ID_LENGTH = 190


def record(
    action: str,
    *,
    target: models.Model | None = None,
    actor: Any = INHERITED,
    changes: Mapping[str, Sequence[Any]] | None = None,
    related: Iterable[models.Model] = (),
    data: Mapping[str, Any] | None = None,
    snapshot: bool = False,
    idempotency_key: str | None = None,
    occurred_at: datetime | None = None,
    source: str = "app",
    source_ref: str | None = None,
) -> AuditEvent:
    """
    Record that something happened, in the caller's transaction; outside of one, in its own.

    Rolled back: no event, no email, no task. Committed: whoever is concerned is told, whatever crashes
    afterwards. It never raises because of an email class, a template, a recipient or a queue.

    Args:
        action: a member of an ``Action`` class, or its value.
        target: the saved object it happened to.
        actor: who did it: a user, or words for what is none (``"nightly import"``), or ``None``. Default:
            that of the current ``audit_context``, asked now.
        changes: ``{field: (old, new)}``.
        related: further saved objects that were involved.
        data: anything else worth keeping, as JSON.
        snapshot: keep the values of the target's row, so that mails can speak of it after its deletion.
        idempotency_key: a second call with the same key records nothing and returns the first event.
        occurred_at: when it happened, if not now; aware.
        source: which part of the project, or which audit package, saw it.
        source_ref: its reference there; one event per source and reference.

    Raises:
        UnknownAction: if no ``Action`` class declares the action.
        UnsavedTarget: if the target or a related object is not in the database.
        WrongDatabase: if one of them lives in another database than the ledger.
        NotInTransaction: outside a transaction, under ``REQUIRE_ATOMIC``.
        TypeError: if ``changes`` are not pairs, or ``data`` is no mapping.
        ValueError: if a key is too long to store, or ``occurred_at`` is naive.
    """
    event = AuditEvent(
        action=known.require(action),
        idempotency_key=idempotency_key,
        source=source,
        source_ref=source_ref,
        occurred_at=occurred_at or timezone.now(),
    )
    values: dict[str, Any] | None = None
    if target is not None and snapshot:
        require_saved(target)
        row = rows.read(target._meta.model, target.pk)  # not type(): request.user is a SimpleLazyObject
        if row is None:
            raise UnsavedTarget(target)
        values = rows.snapshot(row)
    subject = Subject.of(target) if target is not None else Subject()
    return write_event(
        event, subject, actor=actor, changes=changes, related=related, data=data, snapshot=values
    )


def write_event(
    event: AuditEvent,
    subject: Subject,
    *,
    actor: Any = INHERITED,
    changes: Mapping[str, Sequence[Any]] | None = None,
    related: Iterable[models.Model] = (),
    data: Mapping[str, Any] | None = None,
    snapshot: dict[str, Any] | None = None,
) -> AuditEvent:
    """Complete an event by its subject and circumstances, and insert it. Otherwise as :func:`record`."""
    settings = conf.current()
    if settings.REQUIRE_ATOMIC and not transaction.get_connection(settings.DATABASE).in_atomic_block:
        raise NotInTransaction
    circumstances, mask = context.current(), subject.mask
    event.actor_id, event.actor_repr = _actor(circumstances.get_actor() if actor is INHERITED else actor)
    event.target_type, event.target_id, event.target_repr = subject.type_name, subject.id, subject.repr
    event.ancestors = subject.ancestors
    event.snapshot = mask.apply(snapshot) if snapshot is not None else None
    event.related = [_related(instance) for instance in related]
    event.changes = mask.apply_to_changes(_pairs(changes or {}))
    event.data = mask.apply(_mapping("data", data or {}))
    event.metadata = mask.apply(to_json(dict(circumstances.metadata)))
    correlation_id = circumstances.correlation_id or compat.correlation_id() or uuid4().hex
    event.correlation_id = storable(correlation_id)[:_CORRELATION_ID_LENGTH]
    _require_storable(event)
    with transaction.atomic(using=settings.DATABASE):
        event = _insert(event, settings.DATABASE)
        request_wake_up()
    return event


def _insert(event: AuditEvent, alias: str) -> AuditEvent:
    if event.idempotency_key is None and event.source_ref is None:
        event.save(using=alias)
        return event
    # ON CONFLICT DO NOTHING: a caught IntegrityError would leave the caller's transaction broken.
    events = AuditEvent.objects.using(alias)
    events.bulk_create([event], ignore_conflicts=True)
    first = Q()
    if event.idempotency_key is not None:
        first |= Q(idempotency_key=event.idempotency_key)
    if event.source_ref is not None:
        first |= Q(source=event.source, source_ref=event.source_ref)
    existing = events.filter(first).order_by("pk")
    found = existing.first()
    if found is None and connections[alias].vendor == "mysql":
        found = next(iter(rows.committed(existing)), None)
    if found is None:
        raise AuditEvent.DoesNotExist("the event's keys were taken, but the one that took them is gone")
    return found


def _actor(actor: Any) -> tuple[str, str]:
    if actor is None or getattr(actor, "is_anonymous", False):
        return "", ""
    return id_of(actor) if isinstance(actor, get_user_model()) else "", repr_of(actor)


def _related(instance: models.Model) -> dict[str, str]:
    require_saved(instance)
    return reference(instance)


def _pairs(changes: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    for name, sides in changes.items():
        if isinstance(sides, str) or not isinstance(sides, Sequence) or len(sides) != 2:  # noqa: PLR2004
            raise TypeError(f"changes[{name!r}] must be a pair (old, new), not {sides!r}.")
    return {storable(str(name)): [to_json(side) for side in sides] for name, sides in changes.items()}


def _mapping(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping, not {value!r}.")
    return to_json(value)


def _require_storable(event: AuditEvent) -> None:
    # In the database a value that is too long breaks the caller's whole transaction.
    for field in event._meta.concrete_fields:
        value = getattr(event, field.attname)
        if isinstance(value, str) and field.max_length and len(value) > field.max_length:
            raise ValueError(f"{field.name} is longer than {field.max_length} characters: {value[:40]!r}…")
    if timezone.is_naive(event.occurred_at):
        raise ValueError(f"occurred_at must be aware, not {event.occurred_at!r}; see timezone.make_aware().")
