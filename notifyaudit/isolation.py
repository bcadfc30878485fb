"""Keeps a failed query of an application's hook from breaking a transaction that somebody has open."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import transaction

from notifyaudit import conf


def isolated() -> AbstractContextManager[Any]:
    """
    A savepoint where a transaction is open (in a test, under the immediate task backend). In
    autocommit, as in a worker, a failed query breaks nothing and nothing is spent.
    """
    alias = conf.current().DATABASE
    connection = transaction.get_connection(alias)
    if not connection.in_atomic_block:
        return nullcontext()
    savepoint = transaction.atomic(using=alias)
    # In a test's own transaction a hook may do what it may in a worker, where none is open: begin a durable
    # one. Django marks the blocks of its test cases so.
    is_only_the_tests = all(block._from_testcase for block in connection.atomic_blocks)  # noqa: SLF001
    savepoint._from_testcase = is_only_the_tests  # type: ignore[attr-defined]  # noqa: SLF001
    return savepoint
