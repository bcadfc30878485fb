"""Ends long work early when the process is told to end: what is in hand is finished, the rest is left."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_NOBODY = (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler, None)

_requested = threading.Event()


def requested() -> bool:
    """Whether the work is to end as soon as it can."""
    return _requested.is_set()


def wait(seconds: float) -> bool:
    """Pause for that long, or until the work is to end. Returns whether it is."""
    return _requested.wait(seconds)


@contextmanager
def on_signals(*, also_unheard: bool = False) -> Iterator[None]:
    """
    Inside the block SIGTERM and SIGINT shorten the work, and are passed on to whoever listens to them: a task
    queue's worker ends after the task. Python tells signals to the main thread only, so elsewhere this does
    nothing.

    Args:
        also_unheard: take those over too that nobody listens to, which else end the process at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listeners: dict[int, Any] = {number: signal.getsignal(number) for number in _SIGNALS}
    if not also_unheard:
        listeners = {number: each for number, each in listeners.items() if each not in _NOBODY}

    def hear(number: int, frame: FrameType | None) -> None:
        _requested.set()
        if listeners[number] not in _NOBODY:
            listeners[number](number, frame)

    for number in listeners:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number, listener in listeners.items():
            signal.signal(number, listener)
        _requested.clear()
