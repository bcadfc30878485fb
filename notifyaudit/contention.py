"""
What to do when the database makes one of two transactions give way: run it again.

A deadlock, a lock waited for too long or a snapshot that is too old is no fault of the work itself. The
database has undone it, so doing it again is safe and mostly succeeds.
"""

import logging
import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, transaction

from notifyaudit import conf

logger = logging.getLogger("notifyaudit")

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 5
_PAUSE_SECONDS = 0.05

_MARIADB = frozenset({1020, 1205, 1213})
"""Changed since the snapshot; lock wait timeout; deadlock."""

_POSTGRESQL = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure; deadlock; lock not available."""

_SQLITE = ("SQLITE_BUSY", "SQLITE_LOCKED")


def persistent(work: Callable[P, R]) -> Callable[P, R]:
    """
    Decorates a function that is one transaction: it is run again if the database made it give way.

    Within a transaction that is open already it is run once: what was undone began before it.

    Raises:
        OperationalError: what the last of ``ATTEMPTS`` met; or any other error, at once.
    """

    @wraps(work)
    def again_and_again(*args: P.args, **kwargs: P.kwargs) -> R:
        attempt = 1
        while True:
            inside = transaction.get_connection(conf.current().DATABASE).in_atomic_block
            try:
                return work(*args, **kwargs)
            except OperationalError as error:
                if inside or attempt == ATTEMPTS or not gave_way(error):
                    raise
                logger.info("%s gave way (attempt %s of %s)", work.__qualname__, attempt, ATTEMPTS)
            # Not in step with whoever it gave way to.
            time.sleep(_PAUSE_SECONDS * 2**attempt * random.random())  # noqa: S311 - no secret
            attempt += 1

    return again_and_again


def gave_way(error: OperationalError) -> bool:
    """Whether this error says that the same work may succeed when it is done again."""
    cause = error.__cause__
    return (
        bool(error.args and error.args[0] in _MARIADB)
        or getattr(cause, "sqlstate", None) in _POSTGRESQL
        or getattr(cause, "sqlite_errorname", "").startswith(_SQLITE)
    )
