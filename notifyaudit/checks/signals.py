"""The reliable signals, and whether a worker will find them and their receivers."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from notifyaudit.sources.reliable import ReliableSignal


@register("notifyaudit")
def check_signals(**_: Any) -> list[CheckMessage]:
    """E015: what could not be told when a receiver was connected, since its module was still being loaded."""
    return [
        Error(
            problem,
            hint="See docs/how-to/reliable-signals.md for what can be a receiver.",
            id="notifyaudit.E015",
        )
        for signal in sorted(ReliableSignal.instances, key=repr)
        for problem in signal.problems()
    ]
