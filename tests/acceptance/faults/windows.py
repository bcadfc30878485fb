"""Lets the time pass for which digests wait: a run does not last a week."""

import time
from collections import defaultdict

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Count

from notifyaudit import clock
from notifyaudit.contention import persistent
from notifyaudit.models import Message, Notification

_PAUSE_SECONDS = 0.2
_EVENTS = 4
"""A window is over when there are so many events in it,"""
_PATIENCE_SECONDS = 1
"""or when none has been for so long."""


def pass_time() -> None:
    """
    The whole life of a process that does to digests what the clock does, by moving the instants at which they
    close into the past: of those that are full, while events go on to join them; if there are none, of all.

    Not the driver's work: it may have to wait for a lock of somebody whom only the driver wakes.
    """
    closed_at = time.monotonic()
    while True:
        least = 1 if time.monotonic() > closed_at + _PATIENCE_SECONDS else _EVENTS
        try:
            if _close(least):
                closed_at = time.monotonic()
        except (OperationalError, InterfaceError):
            connection.close()  # it has been cut, or somebody is frozen
        time.sleep(_PAUSE_SECONDS)


@persistent
def _close(least: int) -> int:
    now = clock.now()
    waiting = Message.objects.filter(open_key__isnull=False, due_at__gt=now)
    full = list(
        waiting.annotate(events=Count("notifications")).filter(events__gte=least).values_list("pk", flat=True)
    )
    # Only those that no worker has closed meanwhile, as the time passes for nothing else.
    return waiting.filter(pk__in=full).update(due_at=now)


def described() -> dict[str, int]:
    """How many digests there were, and how the events came into them."""
    digests: dict[tuple[str, str], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    rows = Notification.objects.filter(message__isnull=False).order_by("message_id")
    for email_key, recipient, message, event in rows.values_list(
        "message__email_key", "recipient_key", "message_id", "event_id"
    ):
        digests[email_key, recipient][message].append(event)
    overtaken = 0
    for windows in digests.values():
        newest = 0
        for events in windows.values():
            overtaken += sum(event < newest for event in events)
            newest = max(newest, *events)
    return {
        "digests": sum(map(len, digests.values())),
        "events in them": sum(len(events) for windows in digests.values() for events in windows.values()),
        "events in a later digest than one recorded after them": overtaken,
    }
