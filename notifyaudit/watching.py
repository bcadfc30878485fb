"""Which connections are watched for writes without an event, and what counts as an event."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from notifyaudit import conf, forgotten
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.journal import Write
from notifyaudit.marking import audited_models
from notifyaudit.watch import Watch

logger = logging.getLogger("notifyaudit.audited")


def cover(labels: Iterable[str]) -> None:
    """An event about these models was recorded, or :func:`track` found that there is nothing to tell."""
    if watch := _watch_of(connections[conf.current().DATABASE]):
        try:
            watch.cover(labels)
        except Exception:
            # As above: who records must not hear of it.
            logger.exception("an event could not be set against the writes that it covers")


def watch_connections() -> None:
    """Watch each connection that is opened from now on, if the setting asks for it then."""
    connection_created.connect(_install_as_set, dispatch_uid="notifyaudit.watching")


@contextmanager
def watching(report: Callable[[Write], Any]) -> Iterator[Callable[[], None]]:
    """
    Report every write without an event inside the block, in all threads and whatever is set (for tests).
    Yields a function that settles what this thread has finished and not reported yet.
    """
    _settle()
    with forgotten.reported_to(report):
        for connection in connections.all():
            _install(connection)
        try:
            yield _settle
        finally:
            _settle()
    for connection in connections.all():
        watch = _watch_of(connection)
        if watch is not None and not _is_asked_for():
            connection.execute_wrappers.remove(watch)


def _settle() -> None:
    for connection in connections.all(initialized_only=True):
        if watch := _watch_of(connection):
            watch.settle()


def _install_as_set(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _is_asked_for():
        _install(connection)


def _is_asked_for() -> bool:
    try:
        return forgotten.is_reported_elsewhere() or (
            conf.current().UNAUDITED_WRITES != "ignore" and bool(audited_models)
        )
    except ConfigurationError:
        return False  # a system check tells; here it would break the connection


def _install(connection: BaseDatabaseWrapper) -> None:
    if connection.alias == conf.current().DATABASE and _watch_of(connection) is None:
        # In front: connection.execute_wrapper() takes away the last one when its block ends.
        connection.execute_wrappers.insert(0, Watch(connection))


def _watch_of(connection: BaseDatabaseWrapper) -> Watch | None:
    return next((wrapper for wrapper in connection.execute_wrappers if isinstance(wrapper, Watch)), None)
