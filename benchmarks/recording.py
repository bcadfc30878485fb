"""What record() costs next to a plain create() of an identical bare row."""

from typing import Any

from django.db import transaction

from benchmarks.bare.models import BareEvent
from benchmarks.timing import compare, report
from example_site.inspections.models import User
from notifyaudit import audit_context, record, record_many, track, waking
from notifyaudit.models import AuditEvent
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

MANY = 1_000


def run() -> None:
    """Compare in transactions that are rolled back, so that the tables stay as small as they were."""
    user = User.objects.create(username="actor")
    document = Document.objects.create(title="Plan A", owner=user)
    changes = {"title": ("A", "B"), "kind": ("letter", "plan"), "price": (1, 2)}
    with audit_context(actor=user):
        event = record(DocumentAction.CHANGED, target=document, changes=changes)
    values = {field.name: getattr(event, field.name) for field in AuditEvent._meta.concrete_fields}
    del values["id"]

    def plain() -> None:
        BareEvent.objects.create(**values)

    def recorded() -> None:
        record(DocumentAction.CHANGED, target=document, changes=changes)

    def tracked() -> None:
        with track(document, DocumentAction.CHANGED):
            Document.objects.filter(pk=document.pk).update(title=next(titles))

    titles = iter(str(number) for number in range(10**9))
    with audit_context(actor=user):
        report(
            "One event in the caller's transaction",
            rolled_back(
                {"create() of a bare row": plain, "record()": recorded, "update() in track()": tracked}, 200
            ),
        )
        report(
            f"{MANY:,} events at once, each",
            rolled_back(
                {
                    "bulk_create() of bare rows": lambda: bulk(values),
                    "record_many()": lambda: many(document, changes),
                },
                1,
            ),
            per=MANY,
        )
        with waking.wake_ups_suspended():
            whole = {
                "create() of a bare row, committed": committed(plain),
                "record() without a wake-up, committed": committed(recorded),
            }
            timings = compare(whole, times=50)
        timings |= compare(
            {"record() and its wake-up (django-tasks-db), committed": committed(recorded)}, times=50
        )
        report("One event in a transaction of its own", timings)


def bulk(values: dict[str, Any]) -> None:
    BareEvent.objects.bulk_create([BareEvent(**values) for _ in range(MANY)], batch_size=500)


def many(document: Document, changes: dict[str, Any]) -> None:
    record_many(
        [{"action": DocumentAction.CHANGED, "target": document, "changes": changes} for _ in range(MANY)]
    )


def committed(write: Any) -> Any:
    def run() -> None:
        with transaction.atomic():
            write()

    return run


def rolled_back(candidates: dict[str, Any], times: int) -> dict[str, float]:
    with transaction.atomic():
        timings = compare(candidates, times=times)
        transaction.set_rollback(True)
    return timings
