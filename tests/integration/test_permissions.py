"""Who may hear of an event: by permission or by a filter, when it is routed and when a mail leaves."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from example_site.inspections.models import User
from notifyaudit import record
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.frequency import Frequency
from notifyaudit.models import Message, Notification
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.subscribing import subscribe
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

VIEW = "testapp.view_document"
ADDRESS = "outside@x.example"


class OwnersBackend:
    """A permission of an object's owner, and nobody else."""

    def authenticate(self, request, **credentials):
        return None

    def has_perm(self, user, perm, obj=None):
        return perm == VIEW and obj is not None and obj.owner_id == user.pk


@pytest.fixture
def viewer(user):
    user.user_permissions.add(Permission.objects.get(codename="view_document"))
    return user


def reasons():
    return dict(Notification.objects.values_list("recipient_key", "skip_reason"))


def key(user):
    return f"user:{user.pk}"


def test_named_and_subscribed_alike_need_the_permission(viewer, other):
    third = User.objects.create(username="third", email="third@x.example")
    with email_kind([viewer, other], permission=VIEW):
        subscribe(third, DocumentAction.FILED)
        record(DocumentAction.FILED)
        route_pending()
        assert reasons() == {key(viewer): "", key(other): "permission", key(third): "permission"}
        assert send_due() == {"sent": 1}


def test_a_group_and_a_superuser_have_it_and_who_is_inactive_is_told_so(other):
    member = User.objects.create(username="member", email="m@x.example")
    group = Group.objects.create(name="viewers")
    group.permissions.add(Permission.objects.get(codename="view_document"))
    group.user_set.add(member)
    root = User.objects.create(username="root", email="r@x.example", is_superuser=True)
    gone = User.objects.create(username="gone", email="g@x.example", is_superuser=True, is_active=False)
    with email_kind([member, root, gone], permission=VIEW):
        record(DocumentAction.FILED)
        route_pending()
        assert send_due() == {"sent": 2, "cancelled": 1}
    assert reasons() == {key(member): "", key(root): "", key(gone): "inactive"}


def test_an_address_has_no_permission_unless_the_class_decides_by_itself():
    with email_kind([ADDRESS], permission=VIEW):
        record(DocumentAction.FILED)
        route_pending()
    assert reasons() == {f"mail:{ADDRESS}": "permission"}
    own = classmethod(lambda cls, recipients, event: recipients)
    with email_kind([ADDRESS], permission=VIEW, filter_recipients=own):
        record(DocumentAction.FILED)
        route_pending()
    assert reasons() == {f"mail:{ADDRESS}": ""}


def test_whoever_loses_it_before_the_mail_leaves_is_not_told(viewer, mailoutbox):
    with email_kind([viewer], permission=VIEW):
        record(DocumentAction.FILED)
        route_pending()
        viewer.user_permissions.clear()
        assert send_due() == {"cancelled": 1}
    assert (reasons(), mailoutbox) == ({key(viewer): "permission"}, [])


def test_a_class_may_withhold_itself_for_a_reason_of_its_own(user, other):
    withheld = {key(user): "flag"}
    hook = classmethod(lambda cls, recipients: dict(withheld))
    with email_kind([user, other], get_withheld=hook):
        record(DocumentAction.FILED)
        route_pending()
        assert reasons() == {key(user): "flag", key(other): ""}
        withheld[key(other)] = "flag"
        assert send_due() == {"cancelled": 1}
    assert reasons() == {key(user): "flag", key(other): "flag"}


def test_a_reason_that_there_is_not_is_the_failure_of_the_class():
    hook = classmethod(lambda cls, recipients: {each.key: "suspended" for each in recipients})
    with email_kind([ADDRESS], get_withheld=hook):
        record(DocumentAction.FILED)
        route_pending()
    assert "'suspended' is not a valid SkipReason" in Notification.objects.get().error


def test_a_hook_that_returns_nothing_tells_nobody_until_it_is_mended():
    with email_kind([ADDRESS], get_withheld=classmethod(lambda cls, recipients: None)):
        record(DocumentAction.FILED)
        route_pending()
    assert "get_withheld() must return {recipient.key: SkipReason}" in Notification.objects.get().error


def test_of_many_events_in_a_digest_each_reader_is_asked_about_once(user, other, audit_outbox):
    asked = []

    def get_withheld(cls, recipients):
        asked.append(sorted(each.user_id for each in recipients))
        return {}

    for each in (user, other):
        subscribe(each, "document.*", frequency=Frequency.DAILY)
    with email_kind([], get_withheld=classmethod(get_withheld)):
        for _ in range(3):
            record(DocumentAction.FILED)
        audit_outbox.assert_nothing_sent()
        asked.clear()
        assert len(audit_outbox.close_digests().all()) == 2
    assert asked == [sorted([str(user.pk), str(other.pk)])]


def test_a_digest_leaves_without_what_its_reader_may_not_see_any_more(viewer, document, audit_outbox):
    subscribe(viewer, "document.*", frequency=Frequency.DAILY)
    with (
        email_kind([], permission=VIEW),
        email_kind([], actions=[DocumentAction.REMOVED], key="test.open", name="OpenEmail"),
    ):
        record(DocumentAction.FILED, target=document)
        record(DocumentAction.REMOVED, target=document)
        audit_outbox.assert_nothing_sent()
        viewer.user_permissions.clear()
        digest = audit_outbox.close_digests().one(to=viewer)
    digest.assert_contains("Document removed")
    digest.assert_not_contains("Document filed")
    assert set(Notification.objects.values_list("email_key", "skip_reason")) == {
        ("test.kind", "permission"),
        ("test.open", ""),
    }


@override_settings(
    AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend", f"{__name__}.OwnersBackend"]
)
def test_another_backend_is_asked_about_the_object(user, other, document):
    everywhere = User.objects.create(username="root", email="r@x.example", is_superuser=True)
    with email_kind([user, other, everywhere], permission=VIEW):
        record(DocumentAction.FILED, target=document)
        route_pending()
    assert reasons() == {key(user): "", key(other): "permission", key(everywhere): ""}


def test_a_filter_decides_in_bulk_and_again_when_the_mail_leaves(user, other, document, mailoutbox):
    asked = []

    def filter_recipients(cls, recipients, event):
        asked.append(recipients.count())
        return recipients.filter(pk=event.target.owner_id)

    with email_kind([user, other], filter_recipients=classmethod(filter_recipients)):
        record(DocumentAction.FILED, target=document)
        route_pending()
        assert reasons() == {key(user): "", key(other): "permission"}
        Document.objects.update(owner=other)
        assert send_due() == {"cancelled": 1}
    assert asked == [2, 1]
    assert mailoutbox == []


def test_a_less_specific_class_tells_whom_the_specific_one_must_not(user):
    subscribe(user, DocumentAction.FILED)
    with (
        email_kind([], permission=VIEW),
        email_kind([], actions=["document.*"], key="test.wide", name="WideEmail"),
    ):
        record(DocumentAction.FILED)
        route_pending()
    assert set(Notification.objects.values_list("email_key", "skip_reason")) == {
        ("test.kind", "permission"),
        ("test.wide", ""),
    }


def test_a_filter_that_raises_is_asked_again_and_tells_nobody_until_then(user, other):
    broken = [True]

    def filter_recipients(cls, recipients, event):
        if broken:
            raise LookupError("the directory is down")
        return recipients

    subscribe(other, DocumentAction.FILED)
    with email_kind([user], filter_recipients=classmethod(filter_recipients)):
        record(DocumentAction.FILED)
        route_pending()
        failure = Notification.objects.get()
        assert (failure.recipient_key, "the directory is down" in failure.error) == ("", True)
        Notification.objects.update(retry_at="2026-01-01T00:00Z")
        route_pending()
        assert Notification.objects.get().attempts == 2
        broken.clear()
        Notification.objects.update(retry_at="2026-01-01T00:00Z")
        route_pending()
    assert reasons() == {key(user): "", key(other): ""}


def test_a_filter_that_raises_when_the_mail_leaves_lets_it_wait_and_the_others_leave(user, mailoutbox):
    broken = []

    def filter_recipients(cls, recipients, event):
        if broken:
            raise LookupError("the directory is down")
        return recipients

    with (
        email_kind([user], filter_recipients=classmethod(filter_recipients)),
        email_kind([user], key="test.other", name="OtherEmail"),
    ):
        record(DocumentAction.FILED)
        route_pending()
        broken.append(True)
        assert send_due() == {"open": 1, "sent": 1}
        waiting = Message.objects.get(status="open")
        assert "the directory is down" in waiting.last_error
        broken.clear()
        Message.objects.update(due_at="2026-01-01T00:00Z")
        assert send_due() == {"sent": 1}
    assert len(mailoutbox) == 2


@pytest.mark.parametrize("count", [3, 60])
def test_a_permission_costs_a_query_or_two_however_many_there_are(count):
    users = User.objects.bulk_create(
        User(username=f"u{number}", email=f"u{number}@x.example", is_superuser=True)
        for number in range(count)
    )
    with email_kind(users, permission=VIEW):
        record(DocumentAction.FILED)
        with CaptureQueriesContext(connection) as routing:
            route_pending()
        with CaptureQueriesContext(connection) as sending:
            send_due()
    asking = [each for each in (*routing, *sending) if "auth_permission" in each["sql"]]
    assert len(asking) == 2


@pytest.mark.parametrize("wrong", ["view_document", "", "testapp.", 7])
def test_a_permission_that_cannot_be_one_is_refused_at_once(wrong):
    problem = "permission must be 'app_label.codename'"
    with pytest.raises(ConfigurationError, match=problem), email_kind([], permission=wrong):
        pass
