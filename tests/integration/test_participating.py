"""Who acts on an object watches it, where the class says so and the person lets it."""

import pytest

from notifyaudit import record
from notifyaudit.frequency import Frequency
from notifyaudit.models import Notification, Preference, Subscription
from notifyaudit.routing import route_pending
from notifyaudit.subscribing import mute, subscribe
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def act(document, actor):
    record(DocumentAction.FILED, target=document, actor=actor)
    route_pending()


def told():
    rows = Notification.objects.order_by("pk")
    return [(row.recipient, row.reason) for row in rows if not row.skip_reason]


def test_who_acts_hears_what_others_do_with_the_object_and_with_no_other(user, other, document):
    with email_kind(auto_subscribe=True) as kind:
        act(document, user)
        assert told() == []
        act(document, other)
        assert told() == [(user, "watching")]
        act(Document.objects.create(title="B"), other)
        assert told() == [(user, "watching")]
    rows = Subscription.objects.filter(user_id=str(user.pk))
    assert [(row.matter, row.name, row.target, row.frequency) for row in rows] == [
        ("email", kind.key, document, "")
    ]


def test_acting_again_writes_nothing_more(user, document):
    with email_kind(auto_subscribe=True):
        act(document, user)
        act(document, user)
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize(
    "say",
    [
        lambda user, document, kind: mute(user),
        lambda user, document, kind: mute(user, target=document.folder),
        lambda user, document, kind: mute(user, kind),
        lambda user, document, kind: mute(user, kind, target=document),
        lambda user, document, kind: subscribe(user, "*", target=document, frequency=Frequency.WEEKLY),
    ],
)
def test_who_has_said_anything_of_it_is_left_alone(user, document, say):
    with email_kind(auto_subscribe=True) as kind:
        say(user, document, kind)
        act(document, user)
    assert Subscription.objects.count() == 1


def test_who_has_switched_it_off_is_left_alone(user, document):
    Preference.objects.create(user=user, auto_subscribe=False)
    with email_kind(auto_subscribe=True):
        act(document, user)
    assert not Subscription.objects.exists()


def test_nobody_watches_by_a_class_that_does_not_say_so(user, document):
    with email_kind():
        act(document, user)
    assert not Subscription.objects.exists()


def test_without_an_actor_or_an_object_there_is_nothing_to_watch(user, other, document):
    with email_kind(auto_subscribe=True):
        act(document, None)
        act(None, user)
        record(DocumentAction.FILED, target=document, actor=other)
        other.delete()
        route_pending()
    assert not Subscription.objects.exists()
