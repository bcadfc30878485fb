"""After the commit, once, and never in the caller's way."""

from contextlib import suppress

import pytest
from django.db import OperationalError, connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult

from example_site.inspections.models import User
from notifyaudit import bell, compat, record, waking
from notifyaudit.bell import Bell, Trouble
from notifyaudit.models import AuditEvent, Message
from tests.integration.kinds import email_kind
from tests.integration.queues import REMOTE, RemoteBackend
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _wake_ups_as_in_production(monkeypatch):
    monkeypatch.setattr(waking, "_suspended", 0)
    # Each test begins with a queue of which nothing bad is known.
    monkeypatch.setattr(waking, "bell", Bell(waking._enqueue_in_background, patience=60))


def queued():
    return DBTaskResult.objects.count()


def test_a_committed_event_enqueues_one_task():
    record(DocumentAction.FILED)
    assert DBTaskResult.objects.get().task_path == "notifyaudit.tasks.wake_up"


def test_many_events_of_one_transaction_enqueue_one_task():
    with transaction.atomic():
        for _ in range(3):
            record(DocumentAction.FILED)
        assert queued() == 0
    assert queued() == 1


def test_nothing_is_enqueued_after_a_rollback():
    with pytest.raises(RuntimeError), transaction.atomic():
        record(DocumentAction.FILED)
        raise RuntimeError
    assert (queued(), AuditEvent.objects.count()) == (0, 0)


def test_nothing_is_enqueued_for_a_savepoint_that_was_rolled_back():
    with transaction.atomic(), pytest.raises(RuntimeError), transaction.atomic():
        record(DocumentAction.FILED)
        raise RuntimeError
    assert (queued(), AuditEvent.objects.count()) == (0, 0)


def test_a_rolled_back_savepoint_does_not_take_the_wake_up_of_others_along():
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            record(DocumentAction.FILED)
            raise RuntimeError
        record(DocumentAction.FILED)
        with pytest.raises(RuntimeError), transaction.atomic():
            record(DocumentAction.FILED)
            raise RuntimeError
    assert (queued(), AuditEvent.objects.count()) == (1, 1)


def test_an_event_in_a_released_savepoint_is_woken_up_for():
    with transaction.atomic():
        with transaction.atomic():
            record(DocumentAction.FILED)
        record(DocumentAction.FILED)
    assert queued() == 1


def test_a_queue_that_is_down_is_not_the_callers_trouble(monkeypatch, caplog):
    def down(*args, **kwargs):
        raise ConnectionError("broker is down")

    monkeypatch.setattr("django_tasks_db.backend.DatabaseBackend.enqueue", down)
    record(DocumentAction.FILED)
    assert AuditEvent.objects.count() == 1
    assert "until one can, sweeps deliver" in caplog.text


def test_not_even_a_log_that_is_down_too_is_the_callers_trouble(monkeypatch):
    def down(*args, **kwargs):
        raise ConnectionError("broker is down")

    monkeypatch.setattr("django_tasks_db.backend.DatabaseBackend.enqueue", down)
    monkeypatch.setattr(bell.logger, "exception", down)
    others = []
    with transaction.atomic():
        record(DocumentAction.FILED)
        transaction.on_commit(lambda: others.append("ran"))
    assert (others, AuditEvent.objects.count()) == (["ran"], 1)


def test_wake_ups_can_be_switched_off():
    with override_settings(NOTIFYAUDIT={"WAKE_UP": "never"}):
        record(DocumentAction.FILED)
    assert (queued(), connection.run_on_commit) == (0, [])


def test_the_task_does_the_whole_work():
    user = User.objects.create(username="u", email="u@example.com")
    with email_kind([user]):
        record(DocumentAction.FILED)
        task_result = DBTaskResult.objects.get()
        assert task_result.task.call() == {"taken_in": {}, "routed": 1, "messages": {"sent": 1}}
    assert Message.objects.get().status == "sent"


def test_in_tests_of_users_nothing_is_enqueued():
    with waking.wake_ups_suspended():
        record(DocumentAction.FILED)
    assert queued() == 0
    record(DocumentAction.FILED)
    assert queued() == 1


# Queues that are reached over a network


@pytest.fixture
def remote():
    RemoteBackend.reset()
    with override_settings(TASKS=REMOTE):
        yield RemoteBackend
        # What still waits for an answer must not go on in the next test, with another queue.
        RemoteBackend.answers.set()
        waking.bell.wait()


def test_a_broker_is_asked_by_a_thread_of_its_own_before_the_caller_goes_on(remote):
    record(DocumentAction.FILED)
    assert remote.threads == ["notifyaudit-bell"]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="the tests' database in memory is never closed")
def test_the_thread_keeps_no_database_connection_open(remote):
    record(DocumentAction.FILED)
    (used,) = remote.databases
    assert used is not connection
    assert used.connection is None


def test_a_broker_that_never_answers_holds_up_nobody(remote, caplog):
    remote.answers.clear()
    waking.bell.patience = 0.01
    record(DocumentAction.FILED)
    # From here on, whoever waits at all fails the test by its time limit.
    waking.bell.patience = 3600
    for _ in range(3):
        record(DocumentAction.FILED)
    assert AuditEvent.objects.count() == 4
    assert [entry.message for entry in caplog.records] == [
        "the task queue has not answered in 0.01 s; until it does, sweeps deliver"
    ]


@pytest.mark.parametrize("backend", ["immediate.ImmediateBackend", "dummy.DummyBackend"])
def test_a_queue_in_this_process_is_asked_in_the_callers_thread(backend, monkeypatch):
    path = compat.ImmediateBackend.__module__.removesuffix("immediate") + backend
    monkeypatch.setattr(waking.bell, "ring", lambda: pytest.fail("asked in the background"))
    with override_settings(TASKS={"default": {"BACKEND": path}}):
        record(DocumentAction.FILED)
    assert waking.bell.trouble == Trouble.NONE


# Together with the event


@pytest.fixture
def together():
    with override_settings(NOTIFYAUDIT={"WAKE_UP": "transaction"}):
        yield


def statements(count):
    """What recording so many events in one transaction takes, without its beginning and its end."""
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        for _ in range(count):
            record(DocumentAction.FILED)
    return [
        query["sql"].split()[0] for query in captured if query["sql"].split()[0] not in {"BEGIN", "COMMIT"}
    ]


@pytest.mark.usefixtures("together")
def test_the_task_is_there_before_the_commit_and_once():
    with transaction.atomic():
        for _ in range(3):
            record(DocumentAction.FILED)
            assert queued() == 1
    assert queued() == 1


@pytest.mark.usefixtures("together")
def test_the_task_goes_when_its_transaction_is_rolled_back():
    with pytest.raises(RuntimeError), transaction.atomic():
        record(DocumentAction.FILED)
        raise RuntimeError
    assert (queued(), AuditEvent.objects.count()) == (0, 0)


@pytest.mark.usefixtures("together")
def test_an_event_after_a_savepoint_that_was_rolled_back_enqueues_again():
    with transaction.atomic():
        with suppress(RuntimeError), transaction.atomic():
            record(DocumentAction.FILED)
            raise RuntimeError
        assert queued() == 0
        record(DocumentAction.FILED)
        with suppress(RuntimeError), transaction.atomic():
            record(DocumentAction.FILED)
            raise RuntimeError
    assert (queued(), AuditEvent.objects.count()) == (1, 1)


@pytest.mark.usefixtures("together")
def test_an_event_outside_a_transaction_and_its_task_are_one():
    record(DocumentAction.FILED)
    assert (queued(), AuditEvent.objects.count()) == (1, 1)


@pytest.mark.usefixtures("together")
def test_the_task_costs_three_statements_however_many_events_there_are():
    assert statements(1) == ["INSERT", "SAVEPOINT", "INSERT", "RELEASE"]
    assert statements(3) == ["INSERT", "SAVEPOINT", "INSERT", "RELEASE", "INSERT", "INSERT"]


def test_after_the_commit_the_task_costs_one_statement_however_many_events_there_are():
    assert statements(1) == ["INSERT", "INSERT"]
    assert statements(3) == ["INSERT"] * 4


@pytest.mark.usefixtures("together")
def test_a_task_that_cannot_be_written_leaves_the_callers_transaction_whole(monkeypatch, caplog):
    monkeypatch.setattr(DBTaskResult._meta.get_field("task_path"), "column", "no_such_column")
    with transaction.atomic():
        record(DocumentAction.FILED)
        record(DocumentAction.FILED)
    assert AuditEvent.objects.count() == 2
    assert [entry.message for entry in caplog.records] == [
        "no wake-up can be enqueued; until one can, sweeps deliver"
    ]


@pytest.mark.usefixtures("together")
def test_a_transaction_that_the_database_has_ended_is_not_taken_for_whole(monkeypatch):
    def deadlock(*args, **kwargs):
        # As MariaDB does it: the savepoint is gone with everything before it.
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
        raise OperationalError(1213, "Deadlock found")

    monkeypatch.setattr("django_tasks_db.backend.DatabaseBackend.enqueue", deadlock)
    with pytest.raises(OperationalError, match="Deadlock"), transaction.atomic():
        record(DocumentAction.FILED)


@pytest.mark.usefixtures("together")
def test_a_queue_elsewhere_is_asked_after_the_commit_all_the_same(remote):
    with transaction.atomic():
        record(DocumentAction.FILED)
        assert remote.threads == []
    assert remote.threads == ["notifyaudit-bell"]
