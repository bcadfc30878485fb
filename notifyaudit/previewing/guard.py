"""No write to any database, while a project's own code makes a mail that is only looked at."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections, transaction

from notifyaudit.exceptions import WriteRefused
from notifyaudit.statements import as_text, writes

_QUERIES = {"select", "with", "values", "explain", "show", "describe", "pragma", "declare", "fetch", "close"}
_CIRCUMSTANCES = {"set", "begin", "start", "savepoint", "release", "rollback", "commit"}
_READS = _QUERIES | _CIRCUMSTANCES
_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?P<word>\w+)", re.DOTALL)

_QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`""")
_INTO = re.compile(r"\bINTO\b", re.IGNORECASE)  # SELECT … INTO makes a table, or a file


@contextmanager
def reading_only() -> Iterator[list[str]]:
    """
    Refuse, inside the block and on every connection of this thread, what is not known to be a read.

    Yields:
        what was refused, also where the code under the guard has caught the error.

    Raises:
        WriteRefused: in the code that writes.
    """
    refused: list[str] = []

    def refuse(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        statement = as_text(sql)
        if not is_read(statement):
            refused.append(statement[:200])
            raise WriteRefused(statement[:200])
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for connection in connections.all():
            if connection.in_atomic_block:
                stack.enter_context(_undone(connection.alias))
            stack.enter_context(connection.execute_wrapper(refuse))
        yield refused


@contextmanager
def _undone(alias: str) -> Iterator[None]:
    # What is refused inside a transaction would spoil it for the rest of the request (ATOMIC_REQUESTS).
    with transaction.atomic(using=alias):
        try:
            yield
        finally:
            transaction.set_rollback(True, using=alias)


def is_read(sql: str) -> bool:
    """
    Whether each statement of a text reads, or is about the transaction alone. In doubt it does not.

    >>> is_read("SELECT 1"), is_read("SELECT 1; DROP TABLE t"), is_read("WITH a AS (DELETE FROM t) SELECT 1")
    (True, False, False)
    """
    statements = [part for part in sql.split(";") if part.strip()]
    return all(_is_read(part) for part in statements)


def _is_read(statement: str) -> bool:
    first = _WORD.match(statement)
    known = first is not None and first["word"].lower() in _READS
    # As in a WITH, where the statement that writes stands further in: EXPLAIN ANALYZE DELETE.
    is_write = any(True for _ in writes(f"WITH {statement}"))
    return known and not is_write and not _INTO.search(_QUOTED.sub("", statement))
