"""Workers and callers on one database at once: who has to give way does it again, and nothing is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.core import mail
from django.db import OperationalError, connection, connections, transaction
from django.test import override_settings

from notifyaudit import record, track, transport
from notifyaudit.claiming import claim
from notifyaudit.contention import ATTEMPTS, gave_way, persistent
from notifyaudit.models import AuditEvent, Message, Notification, SignalCall
from notifyaudit.routing import route, route_pending
from notifyaudit.sources import calls
from notifyaudit.tasks import sweep
from tests.integration import receivers
from tests.integration.kinds import email_kind
from tests.integration.receivers import filed
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Tag

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="one connection, nobody to contend with"),
]

mariadb_only = pytest.mark.skipif(
    connection.vendor != "mysql", reason="PostgreSQL refuses the statement instead"
)


def in_thread(work):
    """Run in another thread, on a connection of its own."""

    def run():
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=30)


@contextmanager
def repeatable_read():
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    try:
        yield
    finally:
        connection.close()


@contextmanager
def impatient():
    """Wait for a lock a second at most: the least that MariaDB knows."""
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
        else:
            cursor.execute("SET lock_timeout = '1s'")
    try:
        yield
    finally:
        connection.close()


@contextmanager
def locked_elsewhere(queryset, seconds):
    """Somebody else holds the rows, and lets go of them after a while."""
    held, waited = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic():
                list(queryset.select_for_update())
                held.set()
                waited.wait(seconds)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    try:
        yield
    finally:
        waited.set()
        thread.join()


@mariadb_only
def test_a_key_that_another_transaction_took_since_the_snapshot_is_found():
    with repeatable_read(), transaction.atomic():
        assert AuditEvent.objects.count() == 0  # from here on this transaction sees the world as it is now
        first = in_thread(lambda: record(DocumentAction.FILED, data={"n": 1}, idempotency_key="k"))
        second = record(DocumentAction.FILED, data={"n": 2}, idempotency_key="k")
        assert (second.pk, second.data, second.recorded_at) == (first.pk, {"n": 1}, first.recorded_at)
    assert AuditEvent.objects.count() == 1


@mariadb_only
def test_what_somebody_else_changed_since_the_snapshot_is_not_the_blocks_doing(document):
    with repeatable_read(), transaction.atomic():
        assert Document.objects.get().title == "Plan A"
        in_thread(lambda: Document.objects.update(title="Theirs"))
        with track(document, DocumentAction.CHANGED) as nothing:
            pass
        with track(document, DocumentAction.CHANGED) as tracked:
            Document.objects.update(kind="plan")
    assert nothing.event is None
    assert tracked.event.changes == {"kind": ["letter", "plan"]}


def test_two_that_wait_for_each_other_both_get_through():
    events = [record(DocumentAction.FILED) for _ in range(2)]
    both_hold_one = threading.Barrier(2)
    attempts = []

    def work(first, second):
        @persistent
        def touch_both():
            attempts.append(first.pk)
            with transaction.atomic():
                AuditEvent.objects.filter(pk=first.pk).update(routed_at=None)
                if attempts.count(first.pk) == 1:
                    both_hold_one.wait(10)
                AuditEvent.objects.filter(pk=second.pk).update(routed_at=None)

        try:
            touch_both()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(work, *events), pool.submit(work, *reversed(events))]:
            future.result(timeout=30)
    assert len(attempts) > 2


def test_routing_outlasts_somebody_who_holds_the_event(user):
    with email_kind([user]):
        event = record(DocumentAction.FILED)
        with impatient(), locked_elsewhere(AuditEvent.objects.filter(pk=event.pk), 1.5):
            route(event)
    assert Message.objects.count() == Notification.objects.count() == 1


def test_an_event_that_stays_held_stays_unrouted_for_the_next_pass(user, monkeypatch):
    monkeypatch.setattr("notifyaudit.contention.ATTEMPTS", 1)
    with email_kind([user]):
        event = record(DocumentAction.FILED)
        with impatient(), locked_elsewhere(AuditEvent.objects.filter(pk=event.pk), 10):
            assert route_pending() == 0
        assert route_pending() == 1
    assert Message.objects.count() == 1


def test_a_message_that_somebody_holds_is_left_to_them(user):
    with email_kind([user, "a@x.example"]):
        record(DocumentAction.FILED)
        route_pending()
        first = Message.objects.order_by("pk").first()
        with locked_elsewhere(Message.objects.filter(pk=first.pk), 10):
            batch = claim()
    assert [message.address for message in batch.messages] == ["a@x.example"]


def test_a_mail_that_is_out_is_settled_although_its_row_was_held(user):
    class Holder:
        """A mail server in whose time somebody else comes to hold the row."""

        def send(self, content):
            self.lock = locked_elsewhere(Message.objects.all(), 1.5)
            self.lock.__enter__()

        def close(self):
            self.lock.__exit__(None, None, None)

    with email_kind([user]), impatient():
        record(DocumentAction.FILED)
        with transport.replaced(lambda _backend: Holder()):
            swept = sweep()
    assert swept.messages == {"sent": 1}
    assert Message.objects.get().status == "sent"


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_many_workers_send_each_mail_once(level):
    addresses = [f"a{number}@x.example" for number in range(20)]
    with email_kind(addresses), override_settings(NOTIFYAUDIT={"BASE_URL": "https://site.example"}):
        for _ in range(10):
            record(DocumentAction.FILED)

        def worker():
            try:
                with connection.cursor() as cursor:
                    kind = "SESSION" if connection.vendor == "mysql" else "SESSION CHARACTERISTICS AS"
                    cursor.execute(f"SET {kind} TRANSACTION ISOLATION LEVEL {level}")
                sweep()
            finally:
                connections.close_all()

        with ThreadPoolExecutor(6) as pool:
            for future in [pool.submit(worker) for _ in range(6)]:
                future.result(timeout=60)
        sweep()
    assert Notification.objects.count() == Message.objects.filter(status="sent").count() == 200
    assert len(mail.outbox) == 200


def test_inside_an_open_transaction_nothing_is_tried_again():
    attempts = []

    @persistent
    def work():
        attempts.append(1)
        raise deadlock()

    with pytest.raises(OperationalError), transaction.atomic():
        work()
    assert len(attempts) == 1


def test_who_gives_way_every_time_gives_up(monkeypatch):
    monkeypatch.setattr("notifyaudit.contention.time.sleep", lambda _: None)
    attempts = []

    @persistent
    def work():
        attempts.append(1)
        raise deadlock()

    with pytest.raises(OperationalError):
        work()
    assert len(attempts) == ATTEMPTS


def test_any_other_error_is_raised_at_once():
    assert not gave_way(OperationalError(2006, "Server has gone away"))
    assert not gave_way(OperationalError("could not connect"))


def deadlock():
    return OperationalError(1213, "Deadlock found when trying to get lock; try restarting transaction")


def test_a_receiver_whose_row_somebody_holds_is_called_later_and_no_attempt_is_counted():
    filed.connect(receivers.listen)
    try:
        filed.send_reliable(None)
        claimed = calls._claim(f"{receivers.__name__}:listen", filed.path)
        with impatient(), locked_elsewhere(SignalCall.objects.all(), 1.5):
            assert calls._make(claimed) is False
        call = SignalCall.objects.get()
        assert (call.status, call.attempts, call.lease_token) == ("open", 0, None)
        assert calls.run_due() == 1
    finally:
        filed.disconnect(receivers.listen)


def test_a_receiver_that_loses_the_connection_is_called_again():
    filed.connect(receivers.lose_connection)
    try:
        filed.send_reliable(None)
        assert calls.run_due() == 0
        call = SignalCall.objects.get()
        assert (call.status, call.attempts, call.lease_token) == ("open", 1, None)
        assert "OperationalError" in call.last_error
        assert not Tag.objects.exists()
    finally:
        filed.disconnect(receivers.lose_connection)
        # It is not the one that the test began with.
        connection.close()


def test_many_workers_call_each_receiver_once():
    filed.connect(receivers.tag)
    try:
        document = Document.objects.create(title="Plan A")
        for number in range(30):
            filed.send_reliable(None, document=document, name=str(number))

        def worker():
            try:
                return calls.run_due()
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            done = [future.result(timeout=60) for future in [pool.submit(worker) for _ in range(4)]]
    finally:
        filed.disconnect(receivers.tag)
    assert sum(done) == Tag.objects.count() == 30
    assert not SignalCall.objects.exists()
