"""What people say they want to hear of, as rows."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from example_site.inspections.models import User
from notifyaudit.exceptions import InvalidRecipient, UnknownAction, UnsavedTarget
from notifyaudit.frequency import Frequency
from notifyaudit.models import Subscription
from notifyaudit.subscribing import mute, subscribe, unsubscribe
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def rows():
    names = ("subscriber_key", "matter", "name", "target_type", "muted", "frequency")
    return list(Subscription.objects.order_by("pk").values_list(*names))


def test_an_action_a_pattern_and_a_kind_of_email(user):
    subscribe(user, DocumentAction.FILED)
    subscribe(user, "document.*", frequency=Frequency.DAILY)
    subscribe(user, "*", frequency="weekly")
    with email_kind() as kind:
        subscribe(user, kind)
    key = f"user:{user.pk}"
    assert rows() == [
        (key, "action", "document.filed", "", False, ""),
        (key, "pattern", "document.*", "", False, "daily"),
        (key, "pattern", "*", "", False, "weekly"),
        (key, "email", "test.kind", "", False, ""),
    ]


def test_a_group_and_an_address(document):
    group = Group.objects.create(name="reviewers")
    subscribe(group, DocumentAction.FILED, target=document)
    subscribe("Someone@x.example", DocumentAction.FILED)
    assert [row[0] for row in rows()] == [f"group:{group.pk}", "mail:someone@x.example"]
    assert Subscription.objects.last().address == "Someone@x.example"
    assert Subscription.objects.first().target == document


def test_said_again_it_replaces_what_was_said(user, document):
    for frequency in (None, "daily", "weekly"):
        subscribe(user, DocumentAction.FILED, target=document, frequency=frequency)
    assert [row[-1] for row in rows()] == ["weekly"]
    mute(user, DocumentAction.FILED, target=document)
    assert [row[-2:] for row in rows()] == [(True, "")]
    subscribe(user, DocumentAction.FILED, target=document)
    assert [row[-2:] for row in rows()] == [(False, "")]


def test_conditions_and_objects_are_said_apart(user, document):
    other = Document.objects.create(title="Plan B")
    for target in (None, document, other):
        for where in (None, {"kind": "plan"}, {"kind": "letter"}):
            subscribe(user, DocumentAction.FILED, target=target, where=where)
    assert Subscription.objects.count() == 9
    assert unsubscribe(user, DocumentAction.FILED, target=other, where={"kind": "plan"}) == 1
    assert unsubscribe(user, DocumentAction.FILED, target=other, where={"kind": "plan"}) == 0
    assert Subscription.objects.count() == 8


def test_a_subscription_lifts_the_silence_of_the_same_object_only(user, document):
    mute(user, target=document)
    mute(user)
    subscribe(user, DocumentAction.FILED, target=document)
    assert [(row[1], row[3]) for row in rows()] == [("everything", ""), ("action", "testapp.Document")]


@pytest.mark.parametrize(
    ("subscriber", "error"),
    [
        (AnonymousUser(), InvalidRecipient),
        (User(), InvalidRecipient),
        (Group(), InvalidRecipient),
        (7, InvalidRecipient),
    ],
)
def test_whoever_is_nobody_is_refused(subscriber, error):
    with pytest.raises(error):
        subscribe(subscriber, DocumentAction.FILED)


def test_what_nobody_declares_is_refused(user):
    with pytest.raises(UnknownAction, match=r"document\.filed"):
        subscribe(user, "document.field")
    with pytest.raises(UnknownAction):
        subscribe(user, "invoice.*")
    for pattern in ("doc*", "*.filed", "document.fi*", "d?cument.*"):
        with pytest.raises(ValueError, match=r"'\*', or ends with"):
            subscribe(user, pattern)
    with pytest.raises(TypeError, match="an action, a pattern or an email class"):
        subscribe(user, 7)
    with pytest.raises(ValueError, match="'sometimes' is not a valid Frequency"):
        subscribe(user, DocumentAction.FILED, frequency="sometimes")
    with pytest.raises(UnsavedTarget):
        subscribe(user, DocumentAction.FILED, target=Document())
    assert not Subscription.objects.exists()
