"""What triggers have seen is taken up once, or kept."""

from datetime import timedelta
from io import StringIO
from threading import Event, Thread

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from notifyaudit import clock
from notifyaudit.models import AuditEvent, Sighting
from notifyaudit.sources import sightings
from notifyaudit.sources.tables import Tables
from notifyaudit.statistics import statistics
from notifyaudit.tasks import sweep

if connection.vendor != "postgresql":
    pytest.skip("triggers need PostgreSQL", allow_module_level=True)

from tests.sources.triggers.models import SightedInspection


def make(*names):
    for name in names:
        SightedInspection.objects.create(name=name)


def recorded():
    return list(AuditEvent.objects.order_by("pk").values_list("target_repr", flat=True))


@pytest.fixture
def refusing(monkeypatch):
    """Of objects with these names no event can be recorded."""
    names = set()
    report = Tables.report

    def report_unless_refused(self, *seen, **options):
        if names.intersection(each.target.name for each in seen):
            raise ZeroDivisionError("no event of this")
        return report(self, *seen, **options)

    monkeypatch.setattr(Tables, "report", report_unless_refused)
    return names


@pytest.mark.django_db
def test_a_sweep_takes_up_what_was_seen():
    make("a", "b")
    swept = sweep()
    assert str(swept).startswith("2 sightings taken up, 2 events routed")
    assert recorded() == ["a", "b"]
    assert not Sighting.objects.exists()


@pytest.mark.django_db
def test_one_that_raises_keeps_no_other_from_being_recorded(refusing):
    refusing.add("b")
    make("a", "b", "c")
    assert sightings.take_up() == 2
    assert recorded() == ["a", "c"]
    kept = Sighting.objects.get()
    assert (kept.after["name"], kept.attempts) == ("b", 1)
    assert kept.error.startswith("ZeroDivisionError: no event of this")
    assert kept.retry_at > clock.now()


@pytest.mark.django_db
def test_it_is_tried_again_later(refusing):
    refusing.add("a")
    make("a")
    sightings.take_up()
    refusing.clear()
    assert sightings.take_up() == 0
    with clock.travelling():
        clock.advance(timedelta(minutes=2))
        assert sightings.take_up() == 1
    assert recorded() == ["a"]


@pytest.mark.django_db
def test_it_is_given_up_after_more_than_a_day_and_can_be_revived(refusing):
    refusing.add("a")
    make("a")
    with clock.travelling():
        began = clock.now()
        for _ in range(sightings.RETRY.max_attempts):
            sightings.take_up()
            given_up_at = clock.now()
            if pause := Sighting.objects.get().retry_at:
                clock.advance(pause - clock.now() + timedelta(seconds=1))
        assert given_up_at - began > timedelta(days=1)
        clock.advance(timedelta(days=9))
        sightings.take_up()
        assert Sighting.objects.get().attempts == sightings.RETRY.max_attempts
        assert statistics()["sightings_that_raised"] == {"tables": 1}
        refusing.clear()
        out = StringIO()
        call_command("notifyaudit", "retry", "--failed", stdout=out)
        assert out.getvalue() == "1 due again\n"
        assert sightings.take_up() == 1
    assert recorded() == ["a"]


@pytest.mark.django_db
def test_statistics_count_what_waits():
    make("a", "b")
    assert statistics()["sightings"] == 2
    assert statistics()["sightings_that_raised"] == {}


@pytest.mark.django_db
def test_a_source_that_is_not_configured_loses_nothing(settings):
    whole = settings.NOTIFYAUDIT
    make("a")
    settings.NOTIFYAUDIT = {**whole, "SOURCES": {}}
    assert sightings.take_up() == 0
    assert "no source 'tables' that triggers feed" in Sighting.objects.get().error
    settings.NOTIFYAUDIT = whole
    with clock.travelling():
        clock.advance(timedelta(hours=1))
        sightings.take_up()
    assert recorded() == ["a"]


@pytest.mark.django_db
def test_an_action_that_this_code_does_not_know_waits_for_newer_code(settings):
    whole = settings.NOTIFYAUDIT
    newer = {"triggers.SightedInspection.created": "upstream.not_yet"}
    settings.NOTIFYAUDIT = {**whole, "SOURCES": {"notifyaudit.sources.tables.Tables": newer}}
    make("a")
    assert sightings.take_up() == 0
    assert Sighting.objects.get().error.startswith("UnknownAction")


@pytest.mark.django_db
def test_what_the_mapping_does_not_name_is_no_event(settings):
    only = {"triggers.SightedInspection.deleted": "upstream.removed"}
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {"notifyaudit.sources.tables.Tables": only}}
    make("a")
    assert sightings.take_up() == 1
    assert not recorded()
    assert not Sighting.objects.exists()


@pytest.mark.django_db
def test_more_than_one_portion_is_taken_up(monkeypatch):
    monkeypatch.setattr(sightings, "BATCH", 2)
    make(*"abcde")
    assert sightings.take_up() == 5
    assert recorded() == [*"abcde"]


@pytest.mark.usefixtures("committing")
def test_one_sweep_at_a_time_takes_up():
    make("a")
    holds, may_end = Event(), Event()

    def hold():
        with transaction.atomic():
            sightings._lock(timedelta(minutes=1))
            holds.set()
            may_end.wait(20)
        connection.close()

    other = Thread(target=hold)
    other.start()
    try:
        assert holds.wait(20)
        assert sightings.take_up() == 0
        assert Sighting.objects.exists()
    finally:
        may_end.set()
        other.join()
    assert sightings.take_up() == 1


@pytest.mark.usefixtures("committing")
def test_killed_in_the_middle_nothing_is_lost_or_doubled(monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_args, **_options):
        raise Killed

    make("a", "b")
    with monkeypatch.context() as patch:
        # After the events were inserted, and before the sightings are deleted.
        patch.setattr("django.db.models.query.QuerySet.delete", killed)
        with pytest.raises(Killed):
            sightings.take_up()
    assert (AuditEvent.objects.count(), Sighting.objects.count()) == (0, 2)
    sightings.take_up()
    assert recorded() == ["a", "b"]


@pytest.mark.usefixtures("committing")
def test_a_sweep_that_stops_in_the_middle_gives_way_in_the_end():
    with transaction.atomic():
        sightings._lock(timedelta(minutes=5))
        with connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            assert cursor.fetchone() == ("5min",)
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("0",)


@pytest.mark.django_db
def test_nothing_to_do_costs_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        sightings.take_up()


@pytest.mark.django_db
def test_one_that_python_cannot_read_keeps_no_other_from_being_recorded():
    make("a")
    with connection.cursor() as cursor:
        # PostgreSQL writes this number with 5,001 digits; Python reads 4,300.
        cursor.execute(
            "SELECT notifyaudit_sighted('tables', 'triggers.SightedInspection', 'INSERT', NULL, %s)",
            ['{"id": 7, "price": 1e5000}'],
        )
    make("c")
    assert sightings.take_up() == 2
    assert recorded() == ["a", "c"]
    assert "digits" in Sighting.objects.defer("before", "after").get().error


@pytest.fixture
def ends_late(monkeypatch):
    """The oldest sighting is committed, and then something done, while the first portion is taken up."""

    def end_late(then=lambda: None):
        late = Sighting.objects.filter(pk=Sighting.objects.earliest("pk").pk)
        late.update(attempts=1)
        record = sightings._record

        def record_meanwhile(batch):
            if not recorded():
                late.update(attempts=0)
                then()
            return record(batch)

        monkeypatch.setattr(sightings, "_record", record_meanwhile)

    return end_late


@pytest.mark.django_db
def test_a_transaction_that_ends_late_is_taken_up_by_the_same_sweep(ends_late):
    make("late", "early")
    ends_late()
    assert sightings.take_up() == 2
    assert recorded() == ["early", "late"]


@pytest.mark.django_db
def test_a_change_follows_what_it_builds_on_however_late_that_was_committed(monkeypatch, ends_late):
    monkeypatch.setattr(sightings, "BATCH", 1)
    make("one", "other")
    ends_late(then=lambda: SightedInspection.objects.filter(name="one").update(name="two"))
    assert sightings.take_up() == 3
    assert recorded() == ["other", "one", "two"]
