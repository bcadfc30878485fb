"""Mails that wait for company: what may join them, when they leave, and what they say."""

from datetime import timedelta

import pytest

from notifyaudit import audit_context, record
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.frequency import Frequency
from notifyaudit.models import Message, Notification
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.subscribing import mute, subscribe
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def document():
    """Of nobody, so that only the classes of these tests tell of it."""
    return Document.objects.create(title="Plan A")


def bundled(recipients, **attributes):
    options = {
        "actions": [DocumentAction.CHANGED, DocumentAction.FILED],
        "template_name": "testapp/bundle.html",
        "bundle_by": "target",
        "window": TEN_MINUTES,
    }
    return email_kind(recipients, **{**options, **attributes})


def edit(document, **changes):
    return record(DocumentAction.CHANGED, target=document, changes=changes)


def test_forty_edits_are_one_mail_with_the_net_change(user, document, audit_outbox):
    with bundled([user]) as kind:
        for number in range(40):
            edit(document, price=(number, number + 1))
        audit_outbox.assert_nothing_sent()
        audit_outbox.assert_not_sent(kind, to=user, because="bundled")
        audit_outbox.advance(TEN_MINUTES)
        email = audit_outbox.one(kind, to=user)
        assert len(email.events) == 40
        assert email.net_changes(document) == {"price": (0, 40)}
        email.assert_contains("Price: 0, 40")
        audit_outbox.assert_no_more()


def test_the_window_runs_from_the_first_event(user, document, audit_outbox):
    with bundled([user]) as kind:
        edit(document, price=(1, 2))
        audit_outbox.advance(timedelta(minutes=6))
        edit(document, price=(2, 3))
        audit_outbox.advance(timedelta(minutes=6))
        assert audit_outbox.one(kind).net_changes(document) == {"price": (1, 3)}
        edit(document, price=(3, 4))
        audit_outbox.assert_no_more()
        audit_outbox.advance(TEN_MINUTES)
        assert audit_outbox.last(kind).net_changes(document) == {"price": (3, 4)}


def test_what_was_changed_back_is_not_told(user, document, audit_outbox):
    with bundled([user]) as kind:
        edit(document, price=(1, 2))
        edit(document, price=(2, 1))
        audit_outbox.advance(TEN_MINUTES)
        audit_outbox.assert_not_sent(kind, to=user, because="unchanged")


def test_another_object_another_reader_and_another_kind_are_mails_of_their_own(user, other, document):
    second = Document.objects.create(title="B")
    with bundled([user, other]), bundled([user], key="test.second", name="SecondEmail"):
        for target in (document, second, document):
            edit(target, price=(1, 2))
        route_pending()
        assert Message.objects.count() == 2 * 2 + 2
    assert Notification.objects.count() == 3 * 3


def test_a_request_that_saves_six_objects_is_one_mail(user, document, audit_outbox):
    documents = [document, *(Document.objects.create(title=f"Part {number}") for number in range(5))]
    with bundled([user], bundle_by="correlation", window=timedelta(0)) as kind:
        with audit_context(correlation_id="request-7"):
            for each in documents:
                edit(each, price=(1, 2))
        with audit_context(correlation_id="request-8"):
            edit(document, price=(2, 3))
        first, second = audit_outbox.all(kind, to=user)
        assert [len(first.events), len(second.events)] == [6, 1]
        first.assert_contains("Part 0", "Part 4", "Plan A")


def test_without_a_target_or_a_correlation_there_is_nothing_to_bundle_by(user):
    with bundled([user]), bundled([user], key="test.second", name="SecondEmail", bundle_by="correlation"):
        record(DocumentAction.FILED)
        record(DocumentAction.FILED)
        route_pending()
    assert Message.objects.count() == 4


def test_a_window_alone_is_time_to_think_again(user, document):
    with bundled([user], bundle_by="event", template_name="testapp/plain.html"):
        edit(document, price=(1, 2))
        edit(document, price=(2, 3))
        route_pending()
        assert not send_due()
        first, _ = Message.objects.order_by("pk")
        assert first.cancel()
        Message.objects.update(due_at="2026-01-01T00:00Z")
        assert send_due() == {"sent": 1}


def test_a_mail_that_is_being_sent_is_closed(user, document):
    with bundled([user], window=timedelta(0)):
        edit(document, price=(1, 2))
        route_pending()
        assert send_due() == {"sent": 1}
        edit(document, price=(2, 3))
        route_pending()
        assert Message.objects.count() == 2


def test_what_happened_without_a_change_is_told(user, document, audit_outbox):
    with bundled([user]) as kind:
        record(DocumentAction.FILED, target=document)
        record(DocumentAction.FILED, target=document)
        audit_outbox.advance(TEN_MINUTES)
        audit_outbox.one(kind).assert_contains("Document filed × 2")


def test_what_is_muted_meanwhile_is_left_out(user, document, audit_outbox):
    with bundled([user], bundle_by="correlation") as kind:
        second = Document.objects.create(title="Secret plan")
        with audit_context(correlation_id="request-7"):
            edit(document, price=(1, 2))
            edit(second, price=(1, 2))
        audit_outbox.assert_nothing_sent()
        mute(user, target=second)
        audit_outbox.advance(TEN_MINUTES)
        audit_outbox.one(kind).assert_not_contains("Secret plan")


def test_what_this_reader_may_not_see_is_in_no_bundle(user, document, audit_outbox):
    def visible_changes(self):
        changes = super(kind, self).visible_changes()
        return {name: change for name, change in changes.items() if name != "title"}

    with bundled([user], visible_changes=visible_changes) as kind:
        edit(document, price=(1, 2), title=("a", "hidden"))
        edit(document, price=(2, 3), title=("hidden", "gone"))
        audit_outbox.advance(TEN_MINUTES)
        email = audit_outbox.one(kind)
        email.assert_contains("Price: 1, 3")
        email.assert_not_contains("hidden", "gone")
        assert email.net_changes(document) == {"price": (1, 3)}


def test_a_digest_takes_precedence_for_who_reads_less_often(user, document):
    with bundled([user]) as kind:
        subscribe(user, kind, frequency=Frequency.DAILY)
        edit(document, price=(1, 2))
        route_pending()
        assert Message.objects.get().frequency == Frequency.DAILY


@pytest.mark.parametrize(
    "wrong",
    [{"window": 600}, {"window": timedelta(seconds=-1)}, {"bundle_by": "object"}, {"bundle_by": None}],
)
def test_what_makes_no_sense_is_refused_at_once(wrong):
    (name,) = wrong
    with pytest.raises(ConfigurationError, match=f"FiledEmail.{name} must be"), bundled([], **wrong):
        pass
