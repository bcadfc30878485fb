"""How the ledger stands, in numbers."""

from collections import Counter
from typing import Any

from django.db.models import Count, Min

from notifyaudit import clock, conf, naming, pausing
from notifyaudit.actions import known
from notifyaudit.models import AuditEvent, Message, Notification, Sighting, SignalCall
from notifyaudit.models.message import WAITING
from notifyaudit.models.signal_call import SignalCallQuerySet, SignalCallStatus
from notifyaudit.registry import emails


def statistics() -> dict[str, Any]:
    """
    What an operator watches, all of it JSON: ``events_unrouted``, ``events_of_unknown_actions`` by action,
    ``classes_that_raised`` by key, ``messages`` by status, ``messages_due``, ``oldest_due_seconds``,
    ``messages_of_unknown_kinds`` by key, ``signal_calls`` by status, ``signal_calls_due``,
    ``signal_calls_of_unknown_receivers`` by receiver, ``paused``; of what triggers have seen and no sweep has
    taken up, ``sightings``, and ``sightings_that_raised`` by source.
    """
    alias, now = conf.current().DATABASE, clock.now()
    unrouted = Counter(dict(_counts(AuditEvent.objects.using(alias).unrouted(), "action")))
    messages = Message.objects.using(alias)
    open_ones = messages.filter(status__in=WAITING)
    kinds = dict(_counts(open_ones, "email_key"))
    due = messages.due(now).aggregate(number=Count("pk"), oldest=Min("due_at"))
    actions, keys = set(known.values()), {email_class.key for email_class in emails}
    raised = Notification.objects.using(alias).exclude(error="")
    calls = SignalCall.objects.using(alias)
    sightings = Sighting.objects.using(alias)
    return {
        "events_unrouted": unrouted.total(),
        "events_of_unknown_actions": _without(unrouted, actions),
        "classes_that_raised": dict(_counts(raised, "email_key")),
        "messages": dict(_counts(messages.all(), "status")),
        "messages_due": due["number"],
        "oldest_due_seconds": round((now - due["oldest"]).total_seconds()) if due["oldest"] else 0,
        "messages_of_unknown_kinds": _without(kinds, keys),
        "signal_calls": dict(_counts(calls.all(), "status")),
        "signal_calls_due": calls.due(now).count(),
        "signal_calls_of_unknown_receivers": _unknown_receivers(calls.all()),
        "sightings": sightings.count(),
        "sightings_that_raised": dict(_counts(sightings.exclude(error=""), "source")),
        "paused": sorted(key or "everything" for key in pausing.paused().keys),
    }


def _counts(rows: Any, field: str) -> list[tuple[str, int]]:
    return list(rows.order_by(field).values_list(field).annotate(Count("pk")))


def _unknown_receivers(calls: SignalCallQuerySet) -> dict[str, int]:
    unknown: Counter[str] = Counter()
    for receiver, signal in calls.names():
        try:
            naming.find_receiver(receiver)
            naming.find_signal(signal)
        except naming.NotFound:
            of_both = calls.filter(receiver=receiver, signal=signal, status=SignalCallStatus.OPEN)
            unknown[receiver] += of_both.count()
    return dict(unknown)


def _without(counts: dict[str, int], known_ones: set[str]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if name not in known_ones}
