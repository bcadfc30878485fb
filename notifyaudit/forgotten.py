"""What becomes of a write without an event: a line in the log, or a number; in tests, a failure."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from notifyaudit import conf
from notifyaudit.journal import Write

logger = logging.getLogger("notifyaudit.audited")

_counts: Counter[Write] = Counter()
_counting = Lock()
_elsewhere: Callable[[Write], Any] | None = None


def report(write: Write) -> None:
    """As the setting ``UNAUDITED_WRITES`` says: once per transaction, however many rows and rounds it was."""
    if _elsewhere is not None:
        _elsewhere(write)
        return
    mode = conf.current().UNAUDITED_WRITES
    if mode == "log":
        logger.warning("%s has no event", write)
    elif mode == "count":
        with _counting:
            _counts[write] += 1


def unaudited_counts() -> dict[Write, int]:
    """
    In how many transactions this process has committed which write without an event, under
    ``UNAUDITED_WRITES = "count"``. For the metrics of your choice::

        for write, times in unaudited_counts().items():
            gauge.labels(write.label, write.operation, f"{write.path}:{write.line}").set(times)
    """
    with _counting:
        return dict(_counts)


@contextmanager
def reported_to(receiver: Callable[[Write], Any]) -> Iterator[None]:
    """Tell these instead, in any thread, of what is written inside the block (for tests)."""
    global _elsewhere  # noqa: PLW0603 - a live server's threads must see it, so no context variable
    before, _elsewhere = _elsewhere, receiver
    try:
        yield
    finally:
        _elsewhere = before


def is_reported_elsewhere() -> bool:
    """Whether the setting is overruled now."""
    return _elsewhere is not None
