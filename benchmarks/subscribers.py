"""What it costs to tell 100,000 subscribers of one event in a digest, and what those of other actions add."""

from collections.abc import Iterable
from unittest import mock

from django.core.management.color import no_style
from django.db import connection
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat
from django.test.utils import CaptureQueriesContext

from benchmarks import fanout, ledger
from benchmarks.memory import report_peaks
from benchmarks.timing import compare, report
from notifyaudit import Frequency, conditions
from notifyaudit.models import AuditEvent, Message, Notification, Subscription
from notifyaudit.models.subscription import Matter
from notifyaudit.routing import route_pending
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

OTHERS = ("document.changed", "document.removed", "inspection.*")
"""Each reader has said something of these, too."""

CONDITIONS = 10
ROUNDS = 1


def run() -> None:
    """Each candidate routes, into an empty ledger, one event to the subscribers of its action."""
    number = fanout.RECIPIENTS
    ledger.make_readers(number)
    keys = [str(pk) for pk in ledger.readers(number).order_by("pk").values_list("pk", flat=True)]
    subscribe_readers(number, [DocumentAction.FILED])
    for others in ((), OTHERS):
        if others:
            subscribe_readers(number, others)
        timings = compare(
            {
                "bulk_create() of bare rows": lambda: fanout.created(keys),
                "route_pending(), daily digests": lambda: routed(number),
            },
            rounds=ROUNDS,
            before=fanout.prepared,
        )
        beside = f", beside {number * len(others):,} subscriptions to others" if others else ""
        report(f"One event to {number:,} subscribers of its action{beside}, each", timings, per=number)
        report_another(number)
    report_statements(number)
    report_conditions(number)
    report_peaks("Subscribers, routed", "subscribers:route_some", [number // 100, number // 10, number])
    forget()
    ledger.empty()


def report_another(number: int) -> None:
    """Of those who have a digest open already."""

    def opened() -> None:
        fanout.prepared()
        routed(number)
        fanout.recorded()

    timings = compare(
        {"route_pending(), another event": lambda: routed(number)}, rounds=ROUNDS, before=opened
    )
    report("One more event to them, whose digests are open, each", timings, per=number)


def report_statements(number: int) -> None:
    fanout.prepared()
    with CaptureQueriesContext(connection) as statements:
        routed(number)
    print(f"  {len(statements) * 1_000 / number:.1f} statements for 1,000, begins and commits included")


def report_conditions(number: int) -> None:
    """How often the distinct ones are looked at that all these rows have."""
    for each in range(CONDITIONS):
        wanted = Subscription.objects.annotate(last=F("pk") % CONDITIONS).filter(
            name=DocumentAction.FILED, last=each
        )
        wanted.update(condition={"price__gt": each - CONDITIONS})
    fanout.prepared(changes={"price": (0, 1)})
    with mock.patch.object(conditions, "holds", wraps=conditions.holds) as looked_at:
        routed(number)
    print(f"  {looked_at.call_count} looks at the {CONDITIONS} conditions that {number:,} rows have")


def subscribe_readers(number: int, names: Iterable[str]) -> None:
    """All of them, to each of these names; one INSERT … SELECT a name."""
    user_id = Cast("pk", CharField())
    for name in names:
        given = {
            "key": Concat(Value(f"{name} "), user_id),
            "subscriber_key": Concat(Value("user:"), user_id),
            "user_id": user_id,
            "matter": Value(Matter.PATTERN if name.endswith("*") else Matter.ACTION),
            "name": Value(name),
            "frequency": Value(Frequency.DAILY),
        }
        ledger.insert(Subscription, ledger.readers(number), given)
    ledger.analyse(Subscription)


def forget() -> None:
    tables = [Subscription._meta.db_table]
    connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables))


def routed(number: int) -> None:
    with email_kind():
        assert route_pending() == 1
    assert Notification.objects.exclude(message=None).count() == number * AuditEvent.objects.count()
    assert Message.objects.filter(frequency=Frequency.DAILY).count() == number


def route_some(number: int) -> None:
    """In a process of its own: see :mod:`benchmarks.memory`. Of so many, the others hear of other things."""
    Subscription.objects.filter(name=DocumentAction.FILED).update(name="document.forgotten")
    some = ledger.readers(number).annotate(key=Concat(Value("user:"), Cast("pk", CharField())))
    Subscription.objects.filter(name="document.forgotten", subscriber_key__in=some.values("key")).update(
        name=DocumentAction.FILED
    )
    fanout.prepared(changes={"price": (0, 1)})
    routed(number)
