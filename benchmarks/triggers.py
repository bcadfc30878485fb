"""What triggers cost whoever writes, and how fast a sweep makes events of what they see. PostgreSQL only."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, F, Value, When

from benchmarks.memory import report_peaks
from benchmarks.timing import compare, report

MANY = 5_000


def run() -> None:
    """Each candidate in a transaction that is rolled back, so that all tables stay as they are."""
    if connection.vendor != "postgresql":
        print("\nTriggers: they need PostgreSQL")
        return
    from benchmarks.triggered.models import Audited, Relayed, Tracked, Unseen  # noqa: PLC0415 - not installed elsewhere
    from notifyaudit.models import Sighting  # noqa: PLC0415
    from notifyaudit.sources import sightings  # noqa: PLC0415

    models: dict[str, Any] = {
        "no trigger": Unseen,
        "django-pghistory": Tracked,
        "django-pghistory and its source": Relayed,
        "audit_table()": Audited,
    }
    for model in models.values():
        _create(model, MANY)
    sightings.take_up()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    writes = {name: _rolled_back(partial(_complete, model)) for name, model in models.items()}
    report(f"One update() of {MANY:,} rows", compare(writes))
    uncounted = {
        "no trigger": _rolled_back(partial(_look_at, Unseen)),
        "audit_table(), a field that does not count": _rolled_back(partial(_look_at, Audited)),
    }
    report(f"One update() of {MANY:,} rows of which nothing is told", compare(uncounted))
    for name, model in (("django-pghistory", Relayed), ("audit_table()", Audited)):
        with transaction.atomic():
            _complete(model)
            assert Sighting.objects.count() == MANY
            seconds = compare({f"of {name}": _rolled_back(sightings.take_up)}, rounds=3)
            transaction.set_rollback(True)
        report(f"{MANY:,} sightings taken up, each", seconds, per=MANY)
    report_peaks("Sightings taken up", "triggers:take_up", [1_000, 10_000])


def take_up(number: int) -> None:
    """So many, in a process of their own."""
    from benchmarks.triggered.models import Audited  # noqa: PLC0415 - not installed on other databases
    from notifyaudit.sources import sightings  # noqa: PLC0415

    for start in range(0, number, 500):
        _create(Audited, min(500, number - start))
    assert sightings.take_up() == number


def _create(model: Any, number: int) -> None:
    note = "All doors close by themselves. " * 4
    model.objects.bulk_create(
        [model(title=f"Sheet {count}", price=count, note=note, pages=count) for count in range(number)],
        batch_size=500,
    )


def _complete(model: Any) -> None:
    model.objects.update(status=Case(When(status="draft", then=Value("completed")), default=Value("draft")))


def _look_at(model: Any) -> None:
    model.objects.update(seen=F("seen") + 1)


def _rolled_back(work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        with transaction.atomic():
            work()
            transaction.set_rollback(True)

    return run
