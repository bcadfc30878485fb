"""Who is told of an event because they have said so, or not told because they have."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from example_site.inspections.models import User
from notifyaudit import clock, record
from notifyaudit.claiming import claim
from notifyaudit.frequency import Frequency
from notifyaudit.models import Message, Notification, Preference
from notifyaudit.preparing import parcels_of
from notifyaudit.routing import route, route_pending
from notifyaudit.subscribing import mute, subscribe
from tests.integration.concurrency import before_first, needs_row_locks, on_its_own_connection
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def decisions():
    names = ("recipient_key", "email_key", "reason", "skip_reason")
    return set(Notification.objects.values_list(*names))


def of(user):
    return f"user:{user.pk}"


def test_subscribers_of_the_action_the_object_and_by_their_group_are_told(user, other, document):
    member = User.objects.create(username="member")
    group = Group.objects.create(name="reviewers")
    group.user_set.add(member)
    with email_kind():
        subscribe(user, DocumentAction.FILED)
        subscribe(other, "document.*", target=document.folder)
        subscribe(group, "*")
        subscribe("Outside@x.example", DocumentAction.FILED)
        record(DocumentAction.FILED, target=document)
        record(DocumentAction.FILED)
        route_pending()
    assert decisions() == {
        (of(user), "test.kind", "subscribed", ""),
        (of(other), "test.kind", "watching", ""),
        (of(member), "test.kind", "member", ""),
        ("mail:outside@x.example", "test.kind", "subscribed", ""),
    }
    assert Message.objects.count() == Notification.objects.exclude(message=None).count() == 7


def test_who_is_named_gets_no_second_mail(user):
    with email_kind([user]), email_kind(key="test.general", name="General", actions=["document.*"]):
        subscribe(user, DocumentAction.FILED)
        record(DocumentAction.FILED)
        route_pending()
    assert decisions() == {(of(user), "test.kind", "named", "")}


def test_the_most_specific_class_tells_and_covers_those_that_were_asked_for(user, other):
    general = {"key": "test.general", "name": "General", "actions": ["document.*"]}
    broad = {"key": "test.all", "name": "All", "actions": ["*"]}
    with email_kind(**broad) as everything, email_kind(**general) as documents, email_kind():
        subscribe(user, DocumentAction.FILED)
        subscribe(user, everything)
        subscribe(other, documents)
        record(DocumentAction.FILED)
        route_pending()
    assert decisions() == {
        (of(user), "test.kind", "subscribed", ""),
        (of(user), "test.all", "subscribed", "covered"),
        (of(other), "test.general", "subscribed", ""),
    }


def test_whoever_mutes_is_not_told_save_of_mandatory_mail(user, other, document):
    with (
        email_kind([user, other]) as kind,
        email_kind([user], key="test.must", name="Must", mandatory=True),
    ):
        mute(user, target=document.folder)
        mute(other, kind)
        subscribe(other, DocumentAction.FILED)
        record(DocumentAction.FILED, target=document)
        route_pending()
    assert decisions() == {
        (of(user), "test.kind", "named", "muted"),
        (of(other), "test.kind", "named", "muted"),
        (of(user), "test.must", "named", ""),
    }


def test_who_did_it_is_not_told_though_they_watch(user):
    with email_kind():
        subscribe(user, DocumentAction.FILED)
        record(DocumentAction.FILED, actor=user)
        route_pending()
    assert decisions() == {(of(user), "test.kind", "subscribed", "actor")}


def test_routing_again_and_resuming_tell_nobody_twice(user, other, document):
    with email_kind([user]):
        subscribe(user, "*", frequency="daily")
        subscribe(other, "*")
        subscribe("a@x.example", "*", frequency="daily")
        event = record(DocumentAction.FILED, target=document)
        for _ in range(3):
            route(event)
    assert Notification.objects.count() == Message.objects.count() == 3


class TestDigests:
    def test_one_message_stays_open_for_all_events_of_the_window(self, user, document):
        with email_kind([user], default_frequency=Frequency.DAILY):
            for _ in range(3):
                record(DocumentAction.FILED, target=document)
                route_pending()
        message = Message.objects.get()
        assert (message.email_key, message.frequency) == ("notifyaudit.DigestEmail", "daily")
        assert message.notifications.count() == 3
        assert message.due_at > clock.now()

    def test_each_frequency_and_each_digest_class_has_its_own(self, user):
        with (
            email_kind(collects=True, actions=[], key="test.digest", name="Own") as own,
            email_kind(digest_class=own, key="test.other", name="Other"),
        ):
            subscribe(user, DocumentAction.FILED, frequency="weekly")
            record(DocumentAction.FILED)
            route_pending()
        with email_kind():
            subscribe(user, DocumentAction.FILED, frequency="daily")
            record(DocumentAction.FILED)
            route_pending()
        rows = Message.objects.order_by("pk").values_list("email_key", "frequency")
        assert list(rows) == [("test.digest", "weekly"), ("notifyaudit.DigestEmail", "daily")]

    def test_an_action_without_any_class_is_told_of_in_a_digest(self, user, other):
        subscribe(user, DocumentAction.REMOVED)
        subscribe(other, DocumentAction.REMOVED, frequency=Frequency.IMMEDIATE)
        record(DocumentAction.REMOVED)
        route_pending()
        rows = Message.objects.values_list("recipient_key", "email_key", "frequency")
        assert set(rows) == {
            (of(user), "notifyaudit.DigestEmail", "daily"),
            (of(other), "notifyaudit.DigestEmail", "immediate"),
        }

    def test_it_closes_at_the_recipients_own_hour(self, user, other):
        Preference.objects.create(user=user, timezone="Asia/Kathmandu", digest_hour=17)
        subscribe(user, "*", frequency="daily")
        subscribe(other, "*", frequency="daily")
        record(DocumentAction.FILED)
        route_pending()
        due = dict(Message.objects.values_list("recipient_key", "due_at"))
        assert (due[of(user)].hour, due[of(user)].minute) == (11, 15)
        assert (due[of(other)].minute, due[of(other)].second) == (0, 0)

    def test_a_changed_preference_moves_the_digests_that_are_open(self, user, other):
        for each in (user, other):
            subscribe(each, "*", frequency="daily")
        record(DocumentAction.FILED)
        route_pending()
        before = dict(Message.objects.values_list("recipient_key", "due_at"))
        Preference.objects.create(user=user, timezone="Asia/Kathmandu", digest_hour=17)
        after = dict(Message.objects.values_list("recipient_key", "due_at"))
        assert (after[of(user)].hour, after[of(user)].minute) == (11, 15)
        assert after[of(other)] == before[of(other)]

    def test_what_happens_after_it_is_claimed_is_in_the_next(self, user):
        subscribe(user, "*", frequency="daily")
        for _ in range(2):
            record(DocumentAction.FILED)
            route_pending()
            Message.objects.update(open_key=None)
        assert [message.notifications.count() for message in Message.objects.all()] == [1, 1]

    def test_who_joins_one_that_is_open_writes_no_message(self, user):
        subscribe(user, "*", frequency="daily")
        events = [record(DocumentAction.FILED) for _ in range(2)]
        route(events[0])
        with CaptureQueriesContext(connection) as statements:
            route(events[1])
        written = [each["sql"] for each in statements if not each["sql"].startswith("SELECT")]
        assert not [sql for sql in written if "notifyaudit_message" in sql.partition("(")[0]]
        assert Message.objects.get().notifications.count() == 2

    @needs_row_locks
    @pytest.mark.django_db(transaction=True)
    def test_one_that_was_opened_while_somebody_joins_cannot_be_claimed_until_they_have(self, user):
        subscribe(user, "*", frequency="daily")
        events = [record(DocumentAction.FILED) for _ in range(3)]
        told = []

        def close():
            Message.objects.filter(open_key__isnull=False).update(due_at=clock.now())
            batch = claim()
            told.append([parcel.events for parcel in parcels_of(batch.messages)] if batch else [])

        def close_and_open_another():
            close()
            route(events[1])
            Message.objects.update(due_at=clock.now())

        def claim_nothing():
            assert claim() is None

        route(events[0])
        with ThreadPoolExecutor(1) as worker:

            def meanwhile(work):
                return lambda: worker.submit(on_its_own_connection, work).result(timeout=30)

            opened = before_first("SELECT", "notifyaudit_message", meanwhile(close_and_open_another))
            joined = before_first("INSERT INTO", "notifyaudit_notification", meanwhile(claim_nothing))
            with opened, joined:
                route(events[2])
        close()
        assert told == [[events[:1]], [events[1:]]]

    def test_many_people_cost_no_more_statements_than_few(self, django_assert_max_num_queries):
        users = User.objects.bulk_create(User(username=str(number)) for number in range(300))
        for user in users:
            subscribe(user, "*", frequency="daily")
        record(DocumentAction.FILED)
        with django_assert_max_num_queries(25):
            route_pending()
        assert Message.objects.count() == 300


def test_the_document_of_a_watcher_is_theirs_only(user):
    one, two = Document.objects.create(title="A"), Document.objects.create(title="B")
    with email_kind():
        subscribe(user, "document.*", target=one)
        record(DocumentAction.FILED, target=two)
        route_pending()
    assert not Notification.objects.exists()
