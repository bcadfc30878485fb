"""What it costs to tell 100,000 people of one event, next to the bare rows that stand for it."""

import os
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from benchmarks import ledger
from benchmarks.bare.models import BareMessage, BareNotification
from benchmarks.memory import report_peaks
from benchmarks.timing import compare, report
from notifyaudit import record, waking
from notifyaudit.models import AuditEvent, Notification, Reason
from notifyaudit.routing import route_pending
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

RECIPIENTS = int(os.environ.get("NOTIFYAUDIT_BENCH_RECIPIENTS", "100000"))
ROUNDS = 3


def run() -> None:
    """Each candidate commits, into empty tables, two rows for each recipient."""
    ledger.make_readers(RECIPIENTS)
    users = ledger.readers(RECIPIENTS)
    keys = [str(pk) for pk in users.order_by("pk").values_list("pk", flat=True)]
    timings = compare(
        {
            "INSERT … SELECT of bare rows": lambda: inserted(users),
            "bulk_create() of bare rows": lambda: created(keys),
            "route_pending(), plain addresses": lambda: routed(ledger.addresses, RECIPIENTS),
            "route_pending(), users of a queryset": lambda: routed(ledger.readers, RECIPIENTS),
        },
        rounds=ROUNDS,
        before=prepared,
    )
    report(f"One event to {RECIPIENTS:,} recipients, each", timings, per=RECIPIENTS)
    for source in (ledger.addresses, ledger.readers):
        prepared()
        with CaptureQueriesContext(connection) as statements:
            routed(source, 1_000)
        print(f"  {len(statements)} statements for 1,000 {source.__name__}, begins and commits included")
    sizes = [RECIPIENTS // 100, RECIPIENTS // 10, RECIPIENTS]
    report_peaks("Plain addresses, routed", "fanout:route_addresses", sizes)
    report_peaks("Users of a queryset, routed", "fanout:route_users", sizes)
    ledger.empty()


def prepared(changes: Any = None) -> None:
    ledger.empty()
    recorded(changes)


def recorded(changes: Any = None) -> None:
    with waking.wake_ups_suspended():
        record(DocumentAction.FILED, changes=changes)


def inserted(users: Any) -> None:
    with transaction.atomic():
        ledger.insert_messages(BareMessage, users)
        ledger.insert_notifications(BareNotification, BareMessage.objects.all(), AuditEvent.objects.get())


def created(keys: list[str]) -> None:
    event = AuditEvent.objects.get()
    for start in range(0, len(keys), ledger.BATCH):
        chunk = keys[start : start + ledger.BATCH]
        with transaction.atomic():
            messages = BareMessage.objects.bulk_create(
                BareMessage(email_key="test.kind", recipient_key=f"user:{key}", recipient_id=key)
                for key in chunk
            )
            BareNotification.objects.bulk_create(
                BareNotification(
                    event_id=event.pk,
                    message_id=message.pk,
                    email_key=message.email_key,
                    recipient_key=message.recipient_key,
                    recipient_id=message.recipient_id,
                    reason=Reason.NAMED,
                )
                for message in messages
            )


def routed(source: Callable[[int], Any], number: int) -> None:
    with email_kind(lambda _: source(number)):
        assert route_pending() == 1


def route_addresses(number: int) -> None:
    _route(ledger.addresses, number)


def route_users(number: int) -> None:
    _route(ledger.readers, number)


def _route(source: Callable[[int], Any], number: int) -> None:
    prepared()
    routed(source, number)
    assert Notification.objects.count() == number
