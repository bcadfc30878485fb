"""Who writes and within what reaches the triggers, and nobody else."""

from contextlib import closing

import psycopg
import pytest
from django.db import connection, transaction

from notifyaudit import audit_context, audited, unaudited, waking
from notifyaudit.marking import audited_models
from notifyaudit.models import AuditEvent, Sighting
from notifyaudit.sources import sightings
from notifyaudit.watching import watching

if connection.vendor != "postgresql":
    pytest.skip("triggers need PostgreSQL", allow_module_level=True)

from tests.sources.triggers.models import EventedInspection, NarrowInspection, SightedInspection

SETTING = "SELECT current_setting('notifyaudit.context', true)"


def make(name="Tower 7"):
    return SightedInspection.objects.create(name=name)


def setting():
    with connection.cursor() as cursor:
        cursor.execute(SETTING)
        return cursor.fetchone()[0] or ""


def actors():
    sightings.take_up()
    return dict(AuditEvent.objects.values_list("target_repr", "actor_repr"))


@pytest.fixture
def sent(monkeypatch):
    """What the driver is asked to hand over."""
    found = []
    original = psycopg.Cursor.execute

    def execute(self, query, params=None, **options):
        if "set_config('notifyaudit" in str(query):
            found.append(params[0])
        return original(self, query, params, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", execute)
    return found


@pytest.mark.usefixtures("committing")
def test_in_autocommit_it_goes_with_the_statement():
    with audit_context(actor="import"):
        make()
    make("Tower 8")
    assert actors() == {"Tower 7": "import", "Tower 8": ""}


@pytest.mark.usefixtures("committing")
def test_nothing_of_it_outlives_the_transaction():
    with audit_context(actor="import"), transaction.atomic():
        make()
        assert "import" in setting()
    assert setting() == ""


@pytest.mark.usefixtures("committing")
def test_one_transaction_is_told_once(sent):
    with audit_context(actor="import"), transaction.atomic():
        for name in "abc":
            make(name)
    assert len(sent) == 1


@pytest.mark.usefixtures("committing")
def test_whoever_has_no_context_costs_no_statement(sent):
    with transaction.atomic():
        make()
    assert not sent
    assert actors() == {"Tower 7": ""}


@pytest.mark.usefixtures("committing")
def test_contexts_that_follow_each_other_are_told_apart():
    with transaction.atomic():
        make("before")
        with audit_context(actor="ann"):
            make("first")
            with audit_context(actor="ben"):
                make("second")
            make("third")
        make("after")
    assert actors() == {"before": "", "first": "ann", "second": "ben", "third": "ann", "after": ""}


@pytest.mark.usefixtures("committing")
def test_a_savepoint_that_is_rolled_back_takes_it_back():
    with transaction.atomic():
        with audit_context(actor="ann"):
            make("first")
        with pytest.raises(RuntimeError), transaction.atomic(), audit_context(actor="ben"):
            make("undone")
            raise RuntimeError
        with audit_context(actor="ann"):
            make("second")
        with audit_context(actor="ben"):
            make("third")
    assert actors() == {"first": "ann", "second": "ann", "third": "ben"}


@pytest.mark.django_db
def test_it_works_within_a_tests_transaction():
    with audit_context(actor="ann"):
        make("first")
    make("second")
    assert actors() == {"first": "ann", "second": ""}
    assert not connection.run_on_commit


@pytest.mark.usefixtures("committing")
def test_the_project_sees_no_further_query(django_assert_num_queries):
    with audit_context(actor="ann"), transaction.atomic(), django_assert_num_queries(1):
        make()


@pytest.mark.django_db
def test_a_context_that_raises_keeps_nobody_from_writing(caplog):
    class Nameless:
        @property
        def is_anonymous(self):
            raise LookupError

    with audit_context(actor=Nameless()):
        make()
    assert actors() == {"Tower 7": ""}
    assert "could not say who acts" in caplog.text


@pytest.mark.django_db
def test_what_somebody_has_set_by_hand_harms_nobody():
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('notifyaudit.context', 'no JSON {', true)")
        cursor.execute(
            "INSERT INTO triggers_keyed (\"Name of it\", pin) VALUES ('Tower 7', 1) RETURNING 1",
        )
    sightings.take_up()
    assert AuditEvent.objects.get().actor_repr == ""


@pytest.mark.usefixtures("committing")
def test_other_connections_write_without_an_actor():
    one = make()
    Sighting.objects.all().delete()
    login = {name: connection.settings_dict[name] for name in ("HOST", "PORT", "USER")}
    with closing(
        psycopg.connect(
            host=login["HOST"],
            port=login["PORT"],
            user=login["USER"],
            dbname=connection.settings_dict["NAME"],
            autocommit=True,
        )
    ) as other:
        other.execute("UPDATE triggers_sightedinspection SET status = 'completed' WHERE id = %s", [one.pk])
    sightings.take_up()
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_repr) == ("upstream.completed", "")


@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("atomic", [True, False])
def test_a_sweep_is_woken_up_once_per_transaction(monkeypatch, atomic):
    rung = []
    monkeypatch.setattr(waking, "_suspended", 0)
    monkeypatch.setattr(waking, "_after_commit", lambda: rung.append(Sighting.objects.count()))
    if atomic:
        with transaction.atomic():
            make("a")
            make("b")
    else:
        make("a")
    assert rung == [2 if atomic else 1]


@pytest.mark.usefixtures("committing")
def test_what_changes_no_row_wakes_up_nobody(monkeypatch):
    rung = []
    monkeypatch.setattr(waking, "_suspended", 0)
    monkeypatch.setattr(waking, "_after_commit", lambda: rung.append(1))
    SightedInspection.objects.update(price=1)
    assert not rung


@pytest.mark.usefixtures("committing")
def test_taking_up_asks_for_no_wake_up_of_its_own(monkeypatch):
    make()
    rung = []
    monkeypatch.setattr(waking, "_suspended", 0)
    monkeypatch.setattr(waking, "_after_commit", lambda: rung.append(1))
    sightings.take_up()
    assert not rung
    assert AuditEvent.objects.exists()


@pytest.mark.usefixtures("committing")
def test_without_djangos_transactions_it_works_too():
    transaction.set_autocommit(False)
    try:
        with audit_context(actor="ann"):
            make()
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert actors() == {"Tower 7": "ann"}


@pytest.mark.usefixtures("committing")
def test_what_a_trigger_sees_needs_no_event():
    reported = []
    with audited_models.isolated(), watching(reported.append):
        audited(SightedInspection)
        audited(EventedInspection)
        audited(NarrowInspection)
        make()
        with transaction.atomic():
            SightedInspection.objects.update(price=7)
            EventedInspection.objects.create(name="Tower 8")
            narrow = NarrowInspection.objects.create(name="Tower 9")
            NarrowInspection.objects.filter(pk=narrow.pk).update(price=7)
        assert not reported
        NarrowInspection.objects.filter(pk=narrow.pk).update(is_urgent=True)
        with unaudited("to be told apart"):
            NarrowInspection.objects.filter(pk=narrow.pk).update(is_urgent=False)
    assert [(write.label, write.operation) for write in reported] == [("triggers.NarrowInspection", "update")]
