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
    if transaction.get_connection(alias).in_atomic_block:
        return transaction.atomic(using=alias)
    return nullcontext()
