"""The library's one clock: Django's, which a test can move on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.utils import timezone

_ahead = timedelta(0)


def now() -> datetime:
    """The time by which everything is recorded, due, tried again and leased: aware under ``USE_TZ``."""
    return timezone.now() + _ahead


def advance(delta: timedelta) -> None:
    """
    Move on, inside of :func:`travelling`.

    Raises:
        ValueError: for a step back: what has been sent cannot be unsent.
    """
    global _ahead  # noqa: PLW0603 - of all threads, as time is
    if delta < timedelta(0):
        raise ValueError(f"time only moves on; advance() got {delta}.")
    _ahead += delta


@contextmanager
def travelling() -> Iterator[None]:
    """At the end of the block it is again as late as it is."""
    global _ahead  # noqa: PLW0603 - as above
    before = _ahead
    try:
        yield
    finally:
        _ahead = before
