"""From an event to notifications: everybody once, every failure alone, and every decision on record."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_guid import clear_guid, get_guid, set_guid

from example_site.inspections.models import User
from notifyaudit import RetryPolicy, context, record, routing
from notifyaudit.models import AuditEvent, Message, Notification
from notifyaudit.routing import CHUNK, route, route_pending
from tests.integration.concurrency import before_first, lost, needs_row_locks, on_its_own_connection
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db


def told():
    return list(
        Notification.objects.filter(message__isnull=False)
        .order_by("pk")
        .values_list("recipient_key", flat=True)
    )


def test_users_and_addresses_get_a_notification_and_a_message_each(user):
    with email_kind([user, "Office@x.example"], priority=5):
        event = record(DocumentAction.FILED)
        assert route_pending() == 1
    assert told() == [f"user:{user.pk}", "mail:office@x.example"]
    message = Message.objects.get(address="Office@x.example")
    assert (message.status, message.priority, message.email_key) == ("open", 5, "test.kind")
    event.refresh_from_db()
    assert event.routed_at is not None


def test_routing_again_tells_nobody_again(user):
    with email_kind([user, "a@x.example"]):
        event = record(DocumentAction.FILED)
        route(event)
        route(event)
        assert route_pending() == 0
    assert Message.objects.count() == Notification.objects.count() == 2


def test_a_kill_between_two_chunks_is_made_good(user):
    event = record(DocumentAction.FILED)
    addresses = [f"a{number}@x.example" for number in range(CHUNK + 10)]

    def interrupted(_event):
        yield from addresses[:CHUNK]
        raise KeyboardInterrupt

    with email_kind(interrupted), pytest.raises(KeyboardInterrupt):
        route(event)
    assert Message.objects.count() == CHUNK
    event.refresh_from_db()
    assert event.routed_at is None
    with email_kind(addresses):
        route_pending()
    assert sorted(told()) == sorted(f"mail:{address}" for address in addresses)


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_two_workers_that_route_the_same_event_at_once_tell_everybody_once(monkeypatch):
    # Where a worker knows who has been told already, and has written nothing yet.
    both, of_named = Barrier(2), routing.of_named

    def wait_for_the_other(*arguments):
        with suppress(BrokenBarrierError):
            both.wait(timeout=0.5)
        return of_named(*arguments)

    monkeypatch.setattr(routing, "of_named", wait_for_the_other)
    with email_kind(["a@x.example"]), ThreadPoolExecutor() as workers:
        event = record(DocumentAction.FILED)
        routed = [workers.submit(on_its_own_connection, route, event) for _ in range(2)]
        assert [future.result(timeout=30) for future in routed] == [None, None]
    assert Message.objects.count() == Notification.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_database_lost_in_the_middle_leaves_no_mail_that_nobody_is_to_get():
    with email_kind(["a@x.example"]):
        record(DocumentAction.FILED)
        with before_first("INSERT INTO", "notifyaudit_notification", lost):
            assert route_pending() == 0
        assert not Message.objects.exists()
        assert route_pending() == 1
    assert told() == ["mail:a@x.example"]


def test_the_same_recipient_named_twice_is_told_once(user):
    with email_kind([user, "a@x.example", user, "A@x.example", None]):
        record(DocumentAction.FILED)
        route_pending()
    assert told() == [f"user:{user.pk}", "mail:a@x.example"]


def test_a_queryset_is_read_in_chunks():
    User.objects.bulk_create(User(username=f"u{number}") for number in range(CHUNK * 2 + 1))
    with email_kind(lambda _event: User.objects.order_by("-username")):
        record(DocumentAction.FILED)
        with CaptureQueriesContext(connection) as captured:
            route_pending()
    table = f"FROM {connection.ops.quote_name('inspections_user')}"
    reads = [query["sql"] for query in captured.captured_queries if table in query["sql"]]
    assert len(reads) == 3
    assert all(f"LIMIT {CHUNK}" in sql for sql in reads)
    assert len(told()) == CHUNK * 2 + 1


@pytest.mark.parametrize(
    "queryset",
    [
        lambda: User.objects.order_by("username")[:2],
        lambda: User.objects.filter(username="owner").union(User.objects.filter(username="other")),
        lambda: User.objects.order_by("username").values_list("email", flat=True),
    ],
    ids=["sliced", "union", "values"],
)
def test_a_queryset_that_has_no_ranges_is_read_as_it_is(queryset, user, other):
    with email_kind(lambda _event: queryset()):
        record(DocumentAction.FILED)
        route_pending()
    assert len(told()) == 2


def test_who_did_it_is_not_told_and_the_ledger_says_so(user, other):
    with email_kind([user, other]):
        record(DocumentAction.FILED, actor=user)
        route_pending()
    assert told() == [f"user:{other.pk}"]
    assert Notification.objects.get(recipient_id=user.pk).skip_reason == "actor"


def test_who_did_it_is_told_if_the_class_wants_it(user):
    with email_kind([user], notify_actor=True):
        record(DocumentAction.FILED, actor=user)
        route_pending()
    assert told() == [f"user:{user.pk}"]


def test_a_class_that_raises_is_written_down_and_harms_nobody_else(user):
    with email_kind(lambda event: 1 / 0, key="broken", name="Broken"), email_kind([user], key="sound"):
        event = record(DocumentAction.FILED)
        route_pending()
    failure = Notification.objects.get(email_key="broken")
    assert "ZeroDivisionError" in failure.error
    assert (failure.recipient_key, failure.message, failure.attempts) == ("", None, 1)
    assert failure.retry_at > timezone.now()
    assert told() == [f"user:{user.pk}"]
    event.refresh_from_db()
    assert event.routed_at is not None


def test_a_failed_query_in_a_class_harms_nobody_else(user):
    with (
        email_kind(
            lambda event: User.objects.extra(where=["no_such_column = 1"]), key="broken", name="Broken"
        ),
        email_kind([user], key="sound"),
    ):
        record(DocumentAction.FILED)
        route_pending()
    assert Notification.objects.get(email_key="broken").error
    assert told() == [f"user:{user.pk}"]


def test_a_class_that_raised_is_asked_again_until_it_answers(user):
    with email_kind(lambda event: 1 / 0):
        record(DocumentAction.FILED)
        route_pending()
        Notification.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
        route_pending()
        assert Notification.objects.get().attempts == 2
    Notification.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    with email_kind([user]):
        route_pending()
    assert told() == [f"user:{user.pk}"]
    assert not Notification.objects.filter(recipient_key="").exists()


def test_a_class_that_is_asked_again_knows_the_correlation_id():
    known = []

    def recipients(event):
        known.append(context.current().correlation_id)
        raise RuntimeError

    with email_kind(recipients):
        event = record(DocumentAction.FILED)
        route_pending()
        Notification.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
        route_pending()
    assert known == [event.correlation_id] * 2


def test_an_event_that_cannot_be_routed_keeps_no_other_from_it(user, monkeypatch):
    with email_kind(lambda event: 1 / 0):
        first = record(DocumentAction.FILED)
        route_pending()
    Notification.objects.update(retry_at=timezone.now() - timedelta(seconds=1))
    second, third = record(DocumentAction.FILED), record(DocumentAction.FILED)
    write_named = routing._write_named

    def failing(event, *arguments):
        if event.pk in (first.pk, second.pk):
            raise DatabaseError
        write_named(event, *arguments)

    monkeypatch.setattr(routing, "_write_named", failing)
    with email_kind([user]):
        assert route_pending() == 1
    third.refresh_from_db()
    assert third.routed_at is not None


def test_a_class_that_keeps_raising_is_given_up_and_stays_shown():
    with email_kind(lambda event: 1 / 0, retry=RetryPolicy(max_attempts=1)):
        record(DocumentAction.FILED)
        route_pending()
    assert Notification.objects.get().retry_at is None


@pytest.mark.parametrize("wrong", [7, object(), b"a@x.example"])
def test_a_recipient_that_is_neither_user_nor_address_is_named(wrong):
    with email_kind([wrong]):
        record(DocumentAction.FILED)
        route_pending()
    assert "Return users" in Notification.objects.get().error


def test_one_address_without_a_list_is_named_and_not_read_letter_by_letter():
    with email_kind(lambda event: "a@x.example"):
        record(DocumentAction.FILED)
        route_pending()
    assert "Return a list: ['a@x.example']" in Notification.objects.get().error
    assert not Message.objects.exists()


def test_an_action_that_this_code_does_not_know_waits_for_newer_code():
    event = AuditEvent(action="later.invented")
    event.save()
    assert route_pending() == 0
    event.refresh_from_db()
    assert event.routed_at is None


def test_patterns_match_actions(user):
    with (
        email_kind([user], actions=["document.*"], key="one"),
        email_kind([user], actions=["*"], key="two", name="B"),
    ):
        record(DocumentAction.FILED)
        route_pending()
    assert set(Notification.objects.values_list("email_key", flat=True)) == {"one", "two"}


def test_an_endless_address_does_not_break_the_others():
    with email_kind(["x" * 2000 + "@x.example", "nul\0@x.example", "a@x.example"]):
        record(DocumentAction.FILED)
        route_pending()
    assert len(told()) == 3


def test_events_recorded_by_a_hook_share_the_correlation_id(user):
    def recipients(event):
        if not event.data.get("echo"):
            record(DocumentAction.CHANGED, data={"echo": True}, target=None)
        return []

    with email_kind(recipients):
        first = record(DocumentAction.FILED)
        route(first)
    assert AuditEvent.objects.get(action="document.changed").correlation_id == first.correlation_id


def test_django_guid_has_the_events_id_while_a_hook_runs_and_its_own_afterwards():
    seen = []
    with email_kind(lambda event: seen.append(get_guid()) or []):
        event = record(DocumentAction.FILED)
        set_guid("the caller's")
        try:
            route(event)
            assert get_guid() == "the caller's"
        finally:
            clear_guid()
    assert seen == [event.correlation_id]
