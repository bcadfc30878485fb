"""After the commit, once, and never in the caller's way."""

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django_tasks_db.models import DBTaskResult

from example_site.inspections.models import User
from notifyaudit import record, tasks
from notifyaudit.models import AuditEvent, Message
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _wake_ups_as_in_production(monkeypatch):
    monkeypatch.setattr(tasks, "_suspended", 0)


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
    assert "the next sweep delivers" in caplog.text


def test_not_even_a_log_that_is_down_too_is_the_callers_trouble(monkeypatch):
    def down(*args, **kwargs):
        raise ConnectionError("broker is down")

    monkeypatch.setattr("django_tasks_db.backend.DatabaseBackend.enqueue", down)
    monkeypatch.setattr(tasks.logger, "exception", down)
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
        assert task_result.task.call() == {"routed": 1, "messages": {"sent": 1}}
    assert Message.objects.get().status == "sent"


def test_in_tests_of_users_nothing_is_enqueued():
    with tasks.wake_ups_suspended():
        record(DocumentAction.FILED)
    assert queued() == 0
    record(DocumentAction.FILED)
    assert queued() == 1
