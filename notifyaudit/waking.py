"""When a wake-up is enqueued: once per transaction, after its commit or with it, never in its way."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

from django.db import connections, transaction

from notifyaudit import compat, conf
from notifyaudit.bell import Bell
from notifyaudit.tasks import wake_up

_suspended = 0
_awake: ContextVar[bool] = ContextVar("notifyaudit_awake", default=False)


@contextmanager
def wake_ups_suspended() -> Iterator[None]:
    """Enqueue nothing inside the block, in any thread (for tests: nothing commits there)."""
    global _suspended  # noqa: PLW0603 - a live server's threads must see it, so no context variable
    _suspended += 1
    try:
        yield
    finally:
        _suspended -= 1


@contextmanager
def awake() -> Iterator[None]:
    """What is recorded inside the block needs no wake-up: the sweep that records it goes on to route it."""
    token = _awake.set(True)
    try:
        yield
    finally:
        _awake.reset(token)


def request_wake_up() -> None:
    """
    Have one wake-up enqueued for the current transaction, however many events it records.

    A savepoint that is rolled back takes its hooks with it, so what counts is the hooks still pending.

    Raises:
        DatabaseError: under ``WAKE_UP = "transaction"``, if the database ended the whole transaction.
    """
    settings = conf.current()
    if _suspended or _awake.get() or settings.WAKE_UP == "never":
        return
    connection = transaction.get_connection(settings.DATABASE)
    if any(hook in (_after_commit, _with_commit) for _, hook, _ in connection.run_on_commit):
        return
    # Otherwise a worker would be woken up before there is anything to see: check E010.
    if settings.WAKE_UP == "transaction" and compat.tasks_database() == connection.alias:
        transaction.on_commit(_with_commit, using=connection.alias)
        error = bell.attempt(partial(_enqueue_in_savepoint, connection.alias))
        if error and connection.needs_rollback:
            # A deadlock, a lost connection: there is no transaction any more, and its caller must know.
            raise error
    else:
        transaction.on_commit(_after_commit, using=connection.alias, robust=True)


def _with_commit() -> None:
    """Only the sign that this transaction has enqueued its wake-up."""


def _after_commit() -> None:
    if compat.tasks_stay_here():
        bell.attempt(_enqueue)
    else:
        bell.ring()


def _enqueue() -> None:
    wake_up.enqueue()


def _enqueue_in_savepoint(alias: str) -> None:
    with transaction.atomic(using=alias):
        wake_up.enqueue()


def _enqueue_in_background() -> None:
    try:
        wake_up.enqueue()
    finally:
        # A queue may keep its tasks in a database, and this thread be idle for days.
        connections.close_all()


bell = Bell(_enqueue_in_background)
