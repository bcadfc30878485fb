"""Whether a worker will find reliable signals and their receivers, and what others record."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from notifyaudit.sources import recorders
from notifyaudit.sources.reliable import ReliableSignal


@register("notifyaudit")
def check_signals(**_: Any) -> list[CheckMessage]:
    """E015: what could not be told when a receiver was connected, since modules were still being loaded."""
    reliable = sorted(ReliableSignal.instances, key=repr)
    return [
        Error(
            problem,
            hint="See docs/how-to/reliable-signals.md for what can be a receiver.",
            id="notifyaudit.E015",
        )
        for problem in (
            *(problem for signal in reliable for problem in signal.problems()),
            *recorders.problems(),
        )
    ]
