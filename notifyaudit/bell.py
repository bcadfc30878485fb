"""Calls what may hang from a thread of its own, so that nobody waits for it longer than a moment."""

import atexit
import logging
import os
from collections.abc import Callable
from enum import IntEnum
from threading import Condition, Thread

logger = logging.getLogger("notifyaudit")

PATIENCE_SECONDS = 1.0


class Trouble(IntEnum):
    """What is known of the task queue. It is logged when it becomes worse, and when it is over."""

    NONE = 0
    SILENT = 1
    FAILED = 2


class Bell:
    """
    Calls one function for whoever rings, and keeps in mind whether it works.

    Whoever rings during a call shares the next one with all others who do. So however long a call takes,
    at most one is due after it.

    Args:
        strike: the function. It carries nothing, or calls could not be shared.
        patience: seconds that a caller waits for its call while all is well, and a process at its exit.
    """

    def __init__(self, strike: Callable[[], object], *, patience: float = PATIENCE_SECONDS) -> None:
        self.strike = strike
        self.patience = patience
        self._renew()
        # No thread survives a fork, and a lock that another thread held is never released in the child.
        os.register_at_fork(after_in_child=self._renew)
        atexit.register(self.wait)

    def _renew(self) -> None:
        self.trouble = Trouble.NONE
        self._changed = Condition()
        self._asked = self._done = 0
        self._thread: Thread | None = None

    def ring(self) -> None:
        """Have the function called in the background, and wait for it unless there is trouble already."""
        with self._changed:
            self._asked += 1
            mine = self._asked
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._serve, name="notifyaudit-bell", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            if self._changed.wait_for(lambda: self.trouble or self._done >= mine, self.patience):
                return
            self.trouble = Trouble.SILENT
            self._changed.notify_all()
        logger.error("the task queue has not answered in %s s; until it does, sweeps deliver", self.patience)

    def wait(self) -> None:
        """Let what is being called, or is due, come to its end; but not for longer than the patience."""
        with self._changed:
            self._changed.wait_for(lambda: self._done >= self._asked, self.patience)

    def attempt(self, function: Callable[[], object]) -> Exception | None:
        """Call a function in this thread. Its failure is logged, if that is news, and returned."""
        try:
            function()
        except Exception as error:
            if self._becomes(Trouble.FAILED) < Trouble.FAILED:
                logger.exception("no wake-up can be enqueued; until one can, sweeps deliver")
            return error
        if self._becomes(Trouble.NONE) > Trouble.NONE:
            logger.warning("wake-ups are enqueued again")
        return None

    def _becomes(self, trouble: Trouble) -> Trouble:
        """What it was before."""
        with self._changed:
            before, self.trouble = self.trouble, trouble
            return before

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._done < self._asked)
                mine = self._asked
            try:
                self.attempt(self.strike)
            finally:
                with self._changed:
                    self._done = mine
                    self._changed.notify_all()
