"""Where the work starts after the commit: the wake-up, and the sweep that it calls."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from notifyaudit import compat, intake, stopping
from notifyaudit.models import MessageStatus
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep did: what it took in, events routed, and how many messages ended in which status."""

    taken_in: Counter[str] = field(default_factory=Counter)
    routed: int = 0
    messages: Counter[MessageStatus] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return bool(self.taken_in or self.routed or self.messages)

    def __str__(self) -> str:
        parts = [f"{number} {name}" for name, number in self.taken_in.items()]
        parts += [f"{_count(self.routed, 'event')} routed"]
        parts += [
            f"{_count(number, 'mail')} {status.label}" for status, number in sorted(self.messages.items())
        ]
        return ", ".join(parts)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def sweep() -> Swept:
    """
    Do everything there is to do now: take in what was left for a sweep, route what is unrouted, send what is
    due, take up what a killed worker left. Safe to run at any time, by any number of processes at once.

    Raises:
        NoConnection: if the mail server cannot be reached. Nothing is lost, and no attempt was counted.
    """
    return Swept(taken_in=intake.run(), routed=route_pending(), messages=send_due())


@compat.background_task
def wake_up() -> dict[str, Any]:
    """The background task: look now. It carries nothing, because the ledger knows what there is to do."""
    with stopping.on_signals():
        swept = sweep()
    return {"taken_in": dict(swept.taken_in), "routed": swept.routed, "messages": dict(swept.messages)}
