"""What somebody says between the event and the mail counts, too."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from example_site.inspections.models import User
from notifyaudit import record
from notifyaudit.frequency import Frequency
from notifyaudit.models import Message, Notification
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.subscribing import mute, subscribe, unsubscribe
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def reasons():
    return list(Notification.objects.order_by("pk").values_list("skip_reason", flat=True))


@pytest.mark.parametrize("frequency", [Frequency.IMMEDIATE, Frequency.DAILY])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda user, document: mute(user), "muted"),
        (lambda user, document: mute(user, target=document.folder), "muted"),
        (lambda user, document: mute(user, DocumentAction.FILED), "muted"),
        (lambda user, document: unsubscribe(user, DocumentAction.FILED), "unsubscribed"),
    ],
)
def test_whoever_does_not_want_it_any_more_is_not_told(user, document, mailoutbox, frequency, change, reason):
    with email_kind():
        subscribe(user, DocumentAction.FILED, frequency=frequency)
        record(DocumentAction.FILED, target=document)
        route_pending()
        Message.objects.update(due_at="2026-01-01T00:00Z")
        change(user, document)
        assert send_due() == {"cancelled": 1}
    assert (reasons(), mailoutbox) == ([reason], [])


def test_who_was_named_and_mutes_it_is_not_told_and_who_mutes_something_else_is(user, other, document):
    with email_kind([user, other]):
        record(DocumentAction.FILED, target=document)
        route_pending()
        mute(user, target=document)
        mute(other, target=Document.objects.create(title="B"))
        assert send_due() == {"sent": 1, "cancelled": 1}
    assert sorted(reasons()) == ["", "muted"]


def test_who_has_left_the_group_is_not_told(mailoutbox):
    user = User.objects.create(username="member", email="member@x.example")
    group = Group.objects.create(name="reviewers")
    group.user_set.add(user)
    subscribe(group, DocumentAction.FILED)
    with email_kind():
        for _ in range(2):
            record(DocumentAction.FILED)
            route_pending()
            send_due()
            group.user_set.remove(user)
            route_pending()
    assert len(mailoutbox) == 1
    assert reasons() == [""]


def test_a_digest_leaves_without_what_is_not_wanted_and_the_ledger_says_so(user, document, mailoutbox):
    other = Document.objects.create(title="Plan B")
    subscribe(user, "document.*", frequency="daily")
    for target in (document, other, document):
        record(DocumentAction.CHANGED, target=target, changes={"title": ("a", f"t{target.pk}")})
        route_pending()
    Message.objects.update(due_at="2026-01-01T00:00Z")
    mute(user, target=document)
    assert send_due() == {"sent": 1}
    assert reasons() == ["muted", "", "muted"]
    (mail,) = mailoutbox
    assert "Plan B" in mail.body
    assert "Plan A" not in mail.body


def test_mandatory_mail_leaves_all_the_same(user):
    with email_kind([user], mandatory=True):
        record(DocumentAction.FILED)
        route_pending()
        mute(user)
        assert send_due() == {"sent": 1}


def test_it_costs_a_batch_two_queries(user):
    with email_kind([user, *(f"{number}@x.example" for number in range(20))]):
        record(DocumentAction.FILED)
        route_pending()
        with CaptureQueriesContext(connection) as queries:
            send_due()
    assert sum("subscription" in query["sql"] for query in queries) == 1
    assert sum("user_groups" in query["sql"] for query in queries) == 1
