"""
Sees every write that Django sends to the database, and reports those of audited models without an event.

One wrapper per connection, around each statement (``connection.execute_wrappers``): whatever is written
there is seen, however it was asked for. See Note [When a transaction ends].
"""

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from notifyaudit.forgotten import report
from notifyaudit.identity import model_of
from notifyaudit.journal import Journal, Write
from notifyaudit.marking import audited_models, is_unaudited, owners
from notifyaudit.origins import origin
from notifyaudit.sighted import sighted_tables
from notifyaudit.statements import as_text, savepoint, writes
from notifyaudit.transactions import COMMITS, key_of

logger = logging.getLogger("notifyaudit.audited")

_RETURNING = re.compile(r"\bRETURNING\b", re.IGNORECASE)


class _Transaction(Journal):
    """A journal, and which transaction it is of: see the note."""

    def __init__(self, key: object) -> None:
        super().__init__()
        self.key = key
        self.__qualname__ = type(self).__qualname__  # Django 5.2 names a hook that raises by it

    def __call__(self) -> None:
        """It has committed."""
        for write in self.forgotten():
            report(write)


class Watch:
    """The wrapper of one connection. It raises nothing but what the statement itself raises."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._latest: _Transaction | None = None

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """Run a statement, given as ``sql, params, many, context``; then look at it."""
        result = execute(*statement)
        sql = statement[0]
        if not audited_models or (isinstance(sql, str) and sql.startswith("SELECT ")):
            return result
        try:
            self._see(as_text(sql), statement[3]["cursor"])
        except Exception:
            # It stands in the way of each statement of the project, and must not fail one.
            logger.exception("a statement could not be read; what it writes is not watched")
        return result

    def cover(self, labels: Iterable[str]) -> None:
        """An event about these models was recorded in the current transaction."""
        for label in labels:
            if model := model_of(label):
                self._current().cover(owners(model))

    def settle(self) -> None:
        """Report what the latest block inside a test's own transaction has left without an event."""
        transaction, self._latest = self._latest, None
        if transaction is not None and transaction.key is not COMMITS:
            transaction()

    def _see(self, sql: str, cursor: Any) -> None:
        if point := savepoint(sql):
            self._see_savepoint(point.operation, point.name)
            return
        tables = audited_models.tables()
        for written in writes(sql):
            watched = tables.get(written.table)
            if watched is None or not watched.counts(written) or is_unaudited() or _hit_nothing(sql, cursor):
                continue
            # There are triggers on PostgreSQL only, though audit_table() is called everywhere.
            if self._connection.vendor == "postgresql" and sighted_tables.seeing(written):
                continue  # a trigger leaves word of it
            transaction = self._current()
            if not transaction.covers(watched.owner):
                place = origin(watched.model)
                transaction.write(Write(watched.label, written.operation, *place, watched.owner))
            if transaction.key is None:
                transaction()

    def _see_savepoint(self, operation: str, name: str) -> None:
        transaction = self._latest
        if transaction is None:
            return
        if transaction.key == name:  # Django has left the block already
            if operation == "undo":
                self._latest = None
            self.settle()
        elif self._is_open(transaction):
            getattr(transaction, operation)(name)

    def _current(self) -> _Transaction:
        if self._latest is not None and self._is_open(self._latest):
            return self._latest
        self.settle()
        transaction = _Transaction(key_of(self._connection))
        if transaction.key is not None:
            self._latest = transaction
        if transaction.key is COMMITS:
            self._connection.on_commit(transaction, robust=True)
        return transaction

    def _is_open(self, transaction: _Transaction) -> bool:
        if transaction.key is COMMITS:
            return any(hook[1] is transaction for hook in self._connection.run_on_commit)
        return key_of(self._connection) == transaction.key


def _hit_nothing(sql: str, cursor: Any) -> bool:
    # SQLite counts the rows of a RETURNING only while they are fetched.
    return cursor.rowcount == 0 and not _RETURNING.search(sql)


# Note [When a transaction ends]
#
# No statement shows a commit or a rollback: Django calls the driver. What it does show is its hooks: a
# transaction's journal is one of them. They run on commit, and are dropped on rollback, so a journal that is
# no longer among the pending ones belongs to a transaction that is over.
#
# A test's own transaction never commits: see the note in notifyaudit.transactions. There the end of the
# block is a RELEASE or ROLLBACK of its savepoint; without one it shows when the next statement comes from
# elsewhere, or the test ends.
