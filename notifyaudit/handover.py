"""
Hands over to PostgreSQL who writes and within what, so that the triggers of sighted tables know.

One wrapper per connection, around each statement (``connection.execute_wrappers``). The setting is local
to the transaction, so nothing of it is left for whoever gets the connection next: see the note at the end.
"""

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.apps import apps
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from notifyaudit import compat, conf, context
from notifyaudit.secrecy import mask_of
from notifyaudit.sighted import sighted_tables
from notifyaudit.statements import as_text, writes
from notifyaudit.text import storable
from notifyaudit.values import to_json
from notifyaudit.waking import request_wake_up
from notifyaudit.writing import actor_columns

logger = logging.getLogger("notifyaudit")

_SET = "SELECT set_config('notifyaudit.context', %s, true)"


class _Handed:
    """The sign, among the transaction's hooks, of what was handed over in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.__qualname__ = type(self).__qualname__  # Django 5.2 names a hook that raises by it

    def __call__(self) -> None:
        """The database forgets it at the commit, too."""


class Handover:
    """The wrapper of one connection."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._handed_in_test = False

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """
        Run a statement, given as ``sql, params, many, context``. Before one that a trigger sees, say who
        writes; after it, wake up a sweep.
        """
        if not _is_seen(statement[0]):
            return execute(*statement)
        text = _circumstances()
        with self._transaction(text):
            self._hand_over(text)
            result = execute(*statement)
            if statement[3]["cursor"].rowcount:
                request_wake_up()
        return result

    def _transaction(self, text: str) -> AbstractContextManager[Any]:
        connection = self._connection
        if connection.in_atomic_block or not (text or not connection.get_autocommit()):
            return nullcontext()
        return transaction.atomic(using=connection.alias)

    def _hand_over(self, text: str) -> None:
        connection = self._connection
        # After an error in the transaction the statement is going to be refused as well.
        if not connection.in_atomic_block or connection.needs_rollback or self._is_handed(text):
            return
        # By the driver's own cursor: this is no query of the project's, to be logged or counted.
        with connection.wrap_database_errors, connection.connection.cursor() as cursor:
            cursor.execute(_SET, (text,))
        if self._is_in_test():
            self._handed_in_test = True
        else:
            connection.on_commit(_Handed(text), robust=True)

    def _is_handed(self, text: str) -> bool:
        if self._is_in_test():
            return not text and not self._handed_in_test
        handed = [hook[1].text for hook in self._connection.run_on_commit if isinstance(hook[1], _Handed)]
        return text == (handed[-1] if handed else "")

    def _is_in_test(self) -> bool:
        blocks: list[Any] = self._connection.atomic_blocks
        return any(block._from_testcase for block in blocks)  # noqa: SLF001 - as in watch.py


def follow_connections() -> None:
    """Hand over on each connection, where there may be triggers."""
    if apps.is_installed("pgtrigger"):
        connection_created.connect(_install, dispatch_uid="notifyaudit.handover")
        for connection in connections.all(initialized_only=True):
            _install(connection=connection)


def _install(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor != "postgresql" or connection.alias != conf.current().DATABASE:
        return
    if not any(isinstance(wrapper, Handover) for wrapper in connection.execute_wrappers):
        # In front: connection.execute_wrapper() takes away the last one when its block ends.
        connection.execute_wrappers.insert(0, Handover(connection))


def _is_seen(sql: Any) -> bool:
    if not sighted_tables or (isinstance(sql, str) and sql.startswith("SELECT ")):
        return False
    try:
        return any(sighted_tables.seeing(written) for written in writes(as_text(sql)))
    except Exception:
        # It stands in the way of each statement of the project, and must not fail one.
        logger.exception("a statement could not be read; if a trigger sees it, it is not told who writes")
        return False


def _circumstances() -> str:
    current = context.current()
    try:
        actor_id, actor_repr = actor_columns(current.get_actor())
    except Exception:
        # As above; a database error that has broken the transaction is told by the statement itself.
        logger.exception("the current audit_context could not say who acts")
        actor_id = actor_repr = ""
    metadata = mask_of(None).apply(to_json(dict(current.metadata)))
    correlation_id = current.correlation_id or compat.correlation_id() or ""
    if not (actor_id or actor_repr or metadata or correlation_id):
        return ""
    return json.dumps(
        {
            "actor_id": actor_id,
            "actor_repr": actor_repr,
            "correlation_id": storable(correlation_id),
            "metadata": metadata,
        },
        ensure_ascii=False,
    )


# Note [What is handed over]
#
# set_config(…, is_local => true) ends with the transaction, and a rollback to a savepoint takes it back to
# what it was before. So do Django's hooks: they are dropped with their savepoint. What was handed over last
# is therefore the last sign among the pending hooks, and one round trip for each transaction is enough. In a
# test's own transaction pending hooks would disturb tests that look at them, so there it is handed over again
# before each statement.
#
# In autocommit the setting would end before the statement begins, so that both get a transaction.
