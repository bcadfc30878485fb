"""What a caller calls: rows in the caller's own transaction, and a wake-up once it has committed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.db import models

from notifyaudit import rows
from notifyaudit.actions import known
from notifyaudit.context import INHERITED
from notifyaudit.exceptions import UnsavedTarget
from notifyaudit.models import AuditEvent
from notifyaudit.subjects import Subject, is_saved, load_ancestors, require_saved
from notifyaudit.writing import Draft, require_transaction, write


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
        occurred_at: when it happened, if not now; aware, unless USE_TZ is off.
        source: which part of the project, or which audit package, saw it.
        source_ref: its reference there; one event per source and reference.

    Raises:
        UnknownAction: if no ``Action`` class declares the action.
        UnsavedTarget: if the target or a related object is not in the database.
        WrongDatabase: if one of them lives in another database than the ledger.
        NotInTransaction: outside a transaction, under ``REQUIRE_ATOMIC``.
        TypeError: if ``changes`` are not pairs, or ``data`` is no mapping.
        ValueError: if a key is empty or too long to store, or ``occurred_at`` is naive under USE_TZ.
    """
    require_transaction()
    draft = _draft(
        action,
        target=target,
        snapshot=snapshot,
        stored=rows.read([rows.key_of(target)] if snapshot and is_saved(target) else []),
        actor=actor,
        changes=changes,
        related=related,
        data=data,
        idempotency_key=idempotency_key,
        occurred_at=occurred_at,
        source=source,
        source_ref=source_ref,
    )
    (event,) = write([draft])
    return event


def record_many(items: Iterable[Mapping[str, Any]]) -> list[AuditEvent]:
    """
    Record many events at once, with a number of statements that depends on the kinds of objects among
    the targets and not on how many there are, save that rows are written some hundred at a time::

        record_many([{"action": InvoiceAction.SENT, "target": invoice} for invoice in invoices])

    All or none: a mistake in one item is told before anything is written.

    Args:
        items: mappings of the arguments of :func:`record`; ``action`` is required.

    Returns:
        the events, in the order of the items.

    Raises:
        Exception: as :func:`record`; a note on the exception says which item it was.
    """
    require_transaction()
    given = list(items)
    load_ancestors(item["target"] for item in given if is_saved(item.get("target")))
    stored = rows.read(rows.key_of(item["target"]) for item in given if _is_kept(item))
    drafts = []
    for number, item in enumerate(given):
        try:
            drafts.append(_draft(**item, stored=stored))
        except Exception as error:
            error.add_note(f"in item {number} of record_many()")
            raise
    return write(drafts)


async def arecord(action: str, **details: Any) -> AuditEvent:
    """
    :func:`record` for async code. Django has no async transactions, so the event is in a transaction of its
    own; to record a change together with its event, do both in one function behind ``sync_to_async``.
    """
    return await sync_to_async(record)(action, **details)


def _is_kept(item: Mapping[str, Any]) -> bool:
    return bool(item.get("snapshot")) and is_saved(item.get("target"))


def _draft(
    action: str,
    *,
    stored: Mapping[rows.Key, models.Model],
    target: models.Model | None = None,
    snapshot: bool = False,
    **details: Any,
) -> Draft:
    known.require(action)
    if target is None:
        return Draft(action=action, **details)
    require_saved(target)
    values = None
    if snapshot:
        row = stored.get(rows.key_of(target))
        if row is None:
            raise UnsavedTarget(target)
        values = rows.snapshot(row)
    return Draft(action=action, subject=Subject.of(target), snapshot=values, **details)
