"""Where the work starts after the commit: the wake-up, and the sweep that it calls."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from notifyaudit import compat, conf
from notifyaudit.models import MessageStatus
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.transport import TransportFactory, open_transport

logger = logging.getLogger("notifyaudit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep did: events routed, and how many messages ended in which status."""

    routed: int = 0
    messages: Counter[MessageStatus] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return bool(self.routed or self.messages)

    def __str__(self) -> str:
        parts = [f"{_count(self.routed, 'event')} routed"]
        parts += [
            f"{_count(number, 'mail')} {status.label}" for status, number in sorted(self.messages.items())
        ]
        return ", ".join(parts)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def sweep(connect: TransportFactory = open_transport) -> Swept:
    """
    Do everything there is to do now: route what is unrouted, send what is due, take up what a killed worker
    left. Safe to run at any time, by any number of processes at once.

    Args:
        connect: makes the transport for a mail backend, ``None`` for the project's.

    Raises:
        NoConnection: if the mail server cannot be reached. Nothing is lost, and no attempt was counted.
    """
    return Swept(routed=route_pending(), messages=send_due(connect))


@compat.task()
def wake_up() -> dict[str, Any]:
    """The background task: look now. It carries nothing, because the ledger knows what there is to do."""
    swept = sweep()
    return {"routed": swept.routed, "messages": dict(swept.messages)}


_suspended = 0


@contextmanager
def wake_ups_suspended() -> Iterator[None]:
    """Enqueue nothing inside the block, in any thread (for tests: nothing commits there)."""
    global _suspended  # noqa: PLW0603 - a live server's threads must see it, so no context variable
    _suspended += 1
    try:
        yield
    finally:
        _suspended -= 1


def request_wake_up() -> None:
    """
    Have one wake-up enqueued when the current transaction commits, however many events it records.

    A savepoint that is rolled back takes its hooks with it, so what counts is the hooks still pending.
    """
    if _suspended or conf.current().WAKE_UP == "never":
        return
    connection = transaction.get_connection(conf.current().DATABASE)
    if any(hook is _enqueue for _, hook, _ in connection.run_on_commit):
        return
    transaction.on_commit(_enqueue, using=connection.alias, robust=True)


def _enqueue() -> None:
    try:
        wake_up.enqueue()
    except Exception:
        # The change is committed and its caller must not hear of a queue that is down: a sweep delivers.
        logger.exception("no wake-up could be enqueued; the next sweep delivers")
