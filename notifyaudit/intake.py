"""
What a sweep does before it routes: the steps of those who keep something of their own in the ledger until
then. A registry, because who registers stands above whoever sweeps.
"""

import logging
from collections import Counter
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError

logger = logging.getLogger("notifyaudit")

_steps: dict[str, Callable[[], int]] = {}


def register(name: str, step: Callable[[], int]) -> None:
    """
    Have each sweep run this step.

    Args:
        name: what it counts, in words that follow a number: ``"sightings recorded"``. One step per name.
        step: does what there is to do now and says how many that were; safe to run at any time and by any
            number of processes at once.
    """
    _steps[name] = step


def run() -> Counter[str]:
    """
    Run the steps; one that raises is logged, and keeps no other from running.

    Raises:
        DatabaseError, InterfaceError: the ledger cannot be reached, so nobody can do anything.
    """
    done: Counter[str] = Counter()
    for name, step in _steps.items():
        try:
            if number := step():
                done[name] = number
        except (DatabaseError, InterfaceError):
            raise
        except Exception:
            logger.exception("a step of the sweep failed, the next sweep repeats it: %s", name)
    return done
