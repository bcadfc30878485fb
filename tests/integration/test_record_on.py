"""Events from plain signals: where they are sent, and in the sender's transaction."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_logged_in
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import transaction
from django.db.models.signals import m2m_changed, post_save
from django.dispatch import Signal

from notifyaudit import audit_context
from notifyaudit.exceptions import UnsavedTarget
from notifyaudit.models import AuditEvent
from notifyaudit.sources import ReliableSignal, record_on
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Folder

pytestmark = pytest.mark.django_db

FILED = DocumentAction.FILED


@pytest.fixture
def own():
    return Signal()


@pytest.fixture
def on():
    """As record_on(), until the test ends."""
    connected = []

    def on(signal, *arguments, **options):
        receiver = record_on(signal, *arguments, **options)
        connected.append((signal, receiver, options))
        return receiver

    yield on
    for signal, receiver, options in connected:
        signal.disconnect(receiver, options.get("sender"), options.get("dispatch_uid"))


def the_event():
    return AuditEvent.objects.get()


def test_names_stand_for_what_is_sent(own, on, document, user):
    on(own, FILED, target="paper", actor="by", data=["shelf", "by"])
    own.send(None, paper=document, by=user, shelf=7, other=object())
    event = the_event()
    assert (event.action, event.target, event.actor) == (FILED, document, user)
    assert event.data["shelf"] == 7
    assert event.data["by"]["id"] == str(user.pk)


def test_functions_get_all_that_is_sent(own, on, document, folder):
    on(
        own,
        FILED,
        target=lambda papers, **_: papers[0],
        changes=lambda old, new, **_: {"kind": (old, new)},
        related=lambda sender, **_: [sender],
        data=lambda **sent: {"sent": sorted(sent)},
    )
    own.send(folder, papers=[document], old="letter", new="plan")
    event = the_event()
    assert (event.target, event.changes) == (document, {"kind": ["letter", "plan"]})
    assert event.related[0]["id"] == str(folder.pk)
    assert event.data == {"sent": ["new", "old", "papers", "sender", "signal"]}


def test_without_more_it_is_who_acts_now_and_no_object(own, on, user):
    on(own, "document.filed")
    with audit_context(actor=user):
        own.send(None)
    assert (the_event().actor, the_event().target, the_event().data) == (user, None, {})


def test_an_actor_may_be_given_as_such(own, on, user):
    on(own, FILED, actor=user)
    own.send(None)
    assert the_event().actor == user


def test_rolled_back_there_is_no_event(own, on, document):
    on(own, FILED, target="paper")
    with pytest.raises(RuntimeError), transaction.atomic():
        own.send(None, paper=document)
        raise RuntimeError
    assert not AuditEvent.objects.exists()


def test_what_record_refuses_reaches_the_sender(own, on):
    on(own, FILED, target="paper")
    with pytest.raises(UnsavedTarget):
        own.send(None, paper=Document())


def test_another_sender_and_another_occasion_are_none(own, on, document, folder):
    on(own, FILED, sender=Document, when=lambda number, **_: number > 1)
    for sender in (Document, Folder):
        for number in (1, 2):
            own.send(sender, number=number)
    assert AuditEvent.objects.count() == 1


def test_a_dispatch_uid_connects_once(own, on):
    on(own, FILED, dispatch_uid="one")
    on(own, FILED, dispatch_uid="one")
    own.send(None)
    assert AuditEvent.objects.count() == 1


def test_nobody_else_needs_to_keep_it_and_it_can_be_disconnected(own):
    import gc

    receiver = record_on(own, FILED)
    gc.collect()
    own.send(None)
    assert own.disconnect(receiver)
    own.send(None)
    assert AuditEvent.objects.count() == 1


def test_asynchronously_sent_signals_record_too(own, on, document):
    on(own, FILED, target="paper")
    async_to_sync(own.asend)(None, paper=document)
    assert the_event().target == document


def test_signals_of_django(on, user, rf):
    def is_new(created, raw, **_):
        return created and not raw

    def is_joining(action, **_):
        return action == "post_add"

    on(post_save, FILED, sender=Group, target="instance", when=is_new)
    on(
        m2m_changed,
        FILED,
        sender=type(user).groups.through,
        target="instance",
        data=["pk_set"],
        when=is_joining,
    )
    on(user_logged_in, FILED, target="user", actor="user")
    group = Group.objects.create(name="reviewers")
    group.save()
    user.groups.add(group)
    user_logged_in.send(type(user), request=rf.get("/"), user=user)
    saved, joined, signed_in = AuditEvent.objects.order_by("pk")
    assert (saved.target, joined.target, joined.data) == (group, user, {"pk_set": [group.pk]})
    assert (signed_in.target, signed_in.actor) == (user, user)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"target": 7}, "target is a function, or the name of an argument, not 7"),
        ({"changes": {"kind": (1, 2)}}, "changes is a function"),
        ({"related": "paper"}, "related is a function"),
        ({"when": True}, "when is a function"),
        ({"data": "paper"}, "data is a list of names of arguments, or a function, not 'paper'"),
        ({"data": [1]}, "data is a list of names"),
        ({"data": 7}, "data is a list of names"),
    ],
)
def test_a_wrong_type_is_refused_at_once(own, options, why):
    with pytest.raises(TypeError, match=why):
        record_on(own, FILED, **options)
    assert own.receivers == []


def test_what_is_no_plain_signal_is_refused():
    with pytest.raises(TypeError, match="takes a signal first, not 'post_save'"):
        record_on("post_save", FILED)
    with pytest.raises(TypeError, match=r"connect a function of a module that calls record\(\)"):
        record_on(ReliableSignal(), FILED)


def test_an_action_that_nobody_declares_is_told_by_a_check(own):
    receiver = record_on(own, "document.filled")
    with pytest.raises(SystemCheckError, match=r"E015.*\n?.*document\.filled.*document\.filed"):
        call_command("check", "--tag", "notifyaudit")
    own.disconnect(receiver)
    del receiver
    call_command("check", "--tag", "notifyaudit")


def test_a_name_that_is_not_sent_is_told_to_the_sender(own, on):
    on(own, FILED, target="papr")
    with pytest.raises(TypeError, match=r"document.filed.*sends no 'papr', but paper, sender"):
        own.send(None, paper=None)
