"""What a test asks about digests: those that wait, those that are closed, and what they say."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from freezegun import freeze_time

from notifyaudit import record
from notifyaudit.digests import DigestEmail
from notifyaudit.frequency import Frequency
from notifyaudit.models import Preference
from notifyaudit.subscribing import mute, subscribe
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def test_a_digest_waits_until_it_is_closed(user, change, document, audit_outbox):
    subscribe(user, "*", frequency=Frequency.DAILY)
    change()
    audit_outbox.assert_nothing_sent()
    assert [email.email_class for email in audit_outbox.waiting(to=user)] == [DigestEmail]
    audit_outbox.assert_not_sent(to=user, because="waiting")
    digest = audit_outbox.close_digests(Frequency.DAILY).one(to=user)
    assert digest.net_changes(document) == {"kind": ("letter", "plan")}
    assert digest.net_changes(Document.objects.create(title="B")) == {}
    digest.assert_contains("A letter", "A plan")
    audit_outbox.assert_no_more()


def test_closed_are_those_of_the_frequency_only(user, other, change, audit_outbox):
    subscribe(user, "*", frequency="hourly")
    subscribe(other, "*", frequency="weekly")
    change()
    assert [email.recipient for email in audit_outbox.close_digests("hourly").all()] == [user]
    assert [email.recipient for email in audit_outbox.close_digests().all()] == [other]
    assert audit_outbox.close_digests().all() == []


def test_the_answer_is_about_what_left_then(user, audit_outbox, change):
    with email_kind([user]):
        record(DocumentAction.FILED)
        audit_outbox.one(to=user)
    subscribe(user, DocumentAction.REMOVED, frequency="daily")
    record(DocumentAction.REMOVED)
    closed = audit_outbox.close_digests()
    assert closed.one(to=user).email_class is DigestEmail
    with pytest.raises(AssertionError, match="expected one mail"):
        closed.one(to="nobody@x.example")


def test_there_and_back_is_not_sent_and_the_test_can_ask_why(user, document, audit_outbox):
    subscribe(user, "*", frequency="daily")
    record(DocumentAction.CHANGED, target=document, changes={"price": (1, 2)})
    record(DocumentAction.CHANGED, target=document, changes={"price": (2, 1)})
    audit_outbox.close_digests()
    audit_outbox.assert_not_sent(to=user, because="unchanged")


def test_the_reasons_of_subscriptions(user, other, audit_outbox):
    with email_kind([user]), email_kind(key="test.all", name="All", actions=["*"]) as everything:
        mute(user)
        subscribe(other, DocumentAction.FILED)
        subscribe(other, everything)
        record(DocumentAction.FILED)
        audit_outbox.assert_not_sent(to=user, because="muted")
        audit_outbox.one(to=other, reason="subscribed")
        audit_outbox.assert_not_sent(everything, to=other, because="covered")


def test_a_mail_of_its_own_has_the_changes_of_its_event(user, audit_outbox, document):
    with email_kind([user]):
        record(DocumentAction.FILED, target=document, changes={"price": (1, 2)})
        assert audit_outbox.one(to=user).net_changes(document) == {"price": (1, 2)}


def test_there_are_only_so_many_frequencies(audit_outbox):
    with pytest.raises(ValueError, match="'sometimes' is not a valid Frequency"):
        audit_outbox.close_digests("sometimes")


def test_async_tests_close_them_too(audit_outbox):
    async def close():
        return await audit_outbox.aclose_digests()

    subscribe("reader@x.example", "*", frequency="daily")
    record(DocumentAction.FILED)
    assert async_to_sync(close)().one().to == ["reader@x.example"]


def test_time_alone_closes_them(user, audit_outbox):
    subscribe(user, "*", frequency="daily")
    record(DocumentAction.FILED)
    assert audit_outbox.waiting(DigestEmail)
    audit_outbox.advance(timedelta(days=1, hours=1))
    audit_outbox.one(DigestEmail, to=user)


@pytest.mark.parametrize("is_first", [True, False])
def test_what_was_recorded_before_a_window_closes_is_in_its_digest(user, change, audit_outbox, is_first):
    Preference.objects.create(user=user, timezone="UTC", digest_hour=8)
    subscribe(user, "*", frequency="daily")
    with freeze_time("2031-03-01 07:00") as clock:
        if not is_first:
            change()
        clock.move_to("2031-03-01 07:50")
        change()
        audit_outbox.advance(timedelta(minutes=15))
        digest = audit_outbox.one(DigestEmail, to=user)
        assert len(digest.events) == (1 if is_first else 2)
