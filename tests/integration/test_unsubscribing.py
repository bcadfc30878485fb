"""What a link stops is told no more, all else still is, and undoing leaves no trace."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from example_site.inspections.models import User
from notifyaudit import DigestEmail, Frequency, audit_context, mute, record, subscribe, unsubscribe
from notifyaudit.links import Extent, Reader, Scope
from notifyaudit.models import AuditEvent, Message, Notification, Preference, Subscription
from notifyaudit.optouts import is_undone, opt_out, undo
from notifyaudit.preferring import ensure_rows
from notifyaudit.recipients import Recipient
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.tasks import sweep
from notifyaudit.tokens import InvalidToken
from tests.integration.concurrency import needs_row_locks, on_its_own_connection
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

KIND = Scope(extent=Extent.KIND, email_key="test.kind")
EVERYTHING = Scope(extent=Extent.EVERYTHING)
DIGEST = Scope(extent=Extent.KIND, email_key=DigestEmail.key)
ADDRESS = "ann@x.example"


def about(document):
    return Scope(extent=Extent.OBJECT, target_type="testapp.Document", target_id=str(document.pk))


def reader_of(who):
    recipient = Recipient.of(who)
    if recipient.user_id:
        return Reader.named(f"u{recipient.user_id}")
    ensure_rows([recipient])
    return Reader.named(f"p{Preference.objects.get(address_key=recipient.key).pk}")


@pytest.fixture(params=["user", "address"])
def who(request, user):
    return user if request.param == "user" else ADDRESS


@pytest.fixture
def reader(who):
    return reader_of(who)


@pytest.fixture
def told(who):
    """Whether this one is told of an event: which kinds of email do it."""

    def told(target=None, action=DocumentAction.FILED):
        event = record(action, target=target, actor=None)
        route_pending()
        mine = Notification.objects.filter(event=event, recipient_key=Recipient.of(who).key, skip_reason="")
        return set(mine.values_list("email_key", flat=True))

    return told


def rows():
    return list(Subscription.objects.order_by("key").values())


class TestAKind:
    def test_is_stopped_for_whom_it_names(self, reader, who, told):
        with email_kind([who]), email_kind([who], key="test.other", name="Other"):
            opt_out(reader, KIND)
            assert told() == {"test.other"}

    @pytest.mark.parametrize("what", ["kind", "document.filed", "document.*", "*"])
    def test_is_stopped_whatever_they_have_asked_for_and_of_which_object(
        self, reader, who, told, document, what
    ):
        with email_kind([who]) as kind:
            for target in (None, document, document.folder, document.folder.parent):
                subscribe(who, kind if what == "kind" else what, target=target)
            assert told(document) == {"test.kind"}
            opt_out(reader, KIND)
            assert told(document) == told(document.folder) == told() == set()

    def test_is_stopped_under_any_condition(self, reader, who, told, document):
        with email_kind() as kind:
            subscribe(who, kind, where={"title__changed": False})
            subscribe(who, kind, target=document, where={"title__changed": False})
            opt_out(reader, KIND)
            assert told(document) == set()

    def test_is_stopped_where_a_group_has_asked_for_it(self, user, document):
        group = Group.objects.create(name="readers")
        group.user_set.add(user)
        with email_kind() as kind:
            subscribe(group, kind, target=document)
            opt_out(reader_of(user), KIND)
            record(DocumentAction.FILED, target=document)
            route_pending()
        assert list(Notification.objects.values_list("skip_reason", flat=True)) == ["muted"]

    def test_leaves_other_kinds_of_the_same_object_alone(self, reader, who, told, document):
        with email_kind(), email_kind(key="test.removed", name="Removed", actions=[DocumentAction.REMOVED]):
            subscribe(who, "document.*", target=document)
            opt_out(reader, KIND)
            assert told(document) == set()
            assert told(document, DocumentAction.REMOVED) == {"test.removed"}

    def test_is_told_again_to_who_asks_for_it_afterwards(self, reader, who, told, document):
        with email_kind() as kind:
            subscribe(who, kind, target=document)
            opt_out(reader, KIND)
            subscribe(who, kind, target=document)
            assert told(document) == {"test.kind"}
            assert told() == set()


class TestAnObject:
    def test_is_told_of_no_more_and_others_are(self, reader, who, told, document):
        other = Document.objects.create(title="Plan B", folder=document.folder)
        with email_kind([who]) as kind:
            subscribe(who, kind, target=document)
            opt_out(reader, about(document))
            assert told(document) == set()
            assert told(other) == {"test.kind"}

    def test_may_be_gone(self, reader, document):
        scope = about(document)
        document.delete()
        opt_out(reader, scope)
        assert Subscription.objects.get().target_id == scope.target_id


class TestEverything:
    def test_is_stopped_save_what_is_mandatory(self, reader, who, told, document):
        with email_kind([who]) as kind, email_kind([who], key="test.must", name="Must", mandatory=True):
            subscribe(who, kind, target=document)
            subscribe(who, "*", target=document)
            opt_out(reader, EVERYTHING)
            assert told(document) == told() == {"test.must"}


class TestADigest:
    @pytest.mark.parametrize("frequency", [Frequency.HOURLY, Frequency.WEEKLY])
    def test_ends_for_whoever_would_be_told_through_it(self, reader, who, told, document, frequency):
        with email_kind([who], default_frequency=frequency):
            subscribe(who, DocumentAction.CHANGED, target=document, frequency=frequency)
            opt_out(reader, DIGEST)
            assert told(document) == told(document, DocumentAction.CHANGED) == set()
        skipped = Notification.objects.filter(skip_reason="muted", recipient_key=reader.recipient.key)
        assert "test.kind" in set(skipped.values_list("email_key", flat=True))

    def test_ends_where_no_class_speaks_of_the_action(self, reader, who):
        subscribe(who, DocumentAction.REMOVED)
        opt_out(reader, DIGEST)
        record(DocumentAction.REMOVED)
        route_pending()
        assert Notification.objects.get().skip_reason == "muted"

    def test_ends_and_what_comes_at_once_still_comes(self, reader, who, told):
        with email_kind([who]):
            opt_out(reader, DIGEST)
            assert told() == {"test.kind"}

    def test_ends_and_another_digest_goes_on(self, reader, who, told):
        with (
            email_kind(bases=(DigestEmail,), name="OwnDigest", key="test.digest") as own,
            email_kind([who], default_frequency=Frequency.DAILY, digest_class=own),
        ):
            opt_out(reader, DIGEST)
            assert told() == {"test.kind"}
            opt_out(reader, Scope(extent=Extent.KIND, email_key=own.key))
            assert told() == set()

    def test_ends_although_it_is_open_already(self, reader, who, mailoutbox):
        with email_kind([who], default_frequency=Frequency.DAILY):
            record(DocumentAction.FILED)
            route_pending()
            Message.objects.update(due_at="2026-01-01T00:00Z")
            opt_out(reader, DIGEST)
            send_due()
        assert mailoutbox == []
        assert Notification.objects.get(email_key="test.kind").skip_reason == "muted"

    def test_ends_also_for_the_members_of_a_group_that_mutes_it(self, user):
        group = Group.objects.create(name="readers")
        group.user_set.add(user)
        mute(group, DigestEmail)
        with email_kind([user], default_frequency=Frequency.DAILY):
            record(DocumentAction.FILED)
            route_pending()
            subscribe(user, DigestEmail)
            record(DocumentAction.FILED)
            route_pending()
        skipped = Notification.objects.order_by("pk").values_list("skip_reason", flat=True)
        assert list(skipped) == ["muted", ""]


class TestUndoing:
    @pytest.fixture(params=["kind", "object", "everything", "digest"])
    def scope(self, request, document):
        return {"kind": KIND, "object": about(document), "everything": EVERYTHING, "digest": DIGEST}[
            request.param
        ]

    @pytest.fixture
    def before(self, who, document):
        """All sorts of rows of theirs."""
        with email_kind() as kind:
            for target in (None, document, document.folder):
                subscribe(who, kind, target=target, frequency=Frequency.WEEKLY)
                subscribe(who, "document.*", target=target, where={"title": "B"})
            subscribe(who, DigestEmail, frequency=Frequency.DAILY)
            mute(who, DocumentAction.REMOVED)
            yield rows()

    def test_restores_every_row_as_it_was(self, reader, scope, before):
        event = opt_out(reader, scope)
        assert rows() != before
        undo(reader, event)
        assert rows() == before

    def test_twice_is_harmless(self, reader, scope, before):
        event = opt_out(reader, scope)
        undo(reader, event)
        again = opt_out(reader, scope)
        assert again != event
        stopped = rows()
        undo(reader, event)
        assert rows() == stopped
        undo(reader, again)
        assert rows() == before
        assert is_undone(again)

    def test_leaves_alone_what_was_said_since(self, reader, who, document):
        with email_kind() as kind:
            subscribe(who, kind, target=document, frequency=Frequency.WEEKLY)
            subscribe(who, kind, frequency=Frequency.WEEKLY)
            event = opt_out(reader, KIND)
            subscribe(who, kind, target=document, frequency=Frequency.DAILY)
            unsubscribe(who, kind)
            undo(reader, event)
        (row,) = Subscription.objects.all()
        assert (row.target_id, row.frequency, row.muted) == (str(document.pk), "daily", False)

    def test_is_of_the_stop_that_was_undone_only(self, reader, who, told, document):
        with email_kind([who]) as kind:
            opt_out(reader, KIND)
            subscribe(who, kind, target=document)
            undo(reader, opt_out(reader, KIND))
            assert told(document) == {"test.kind"}
            assert told() == set()

    def test_does_not_lift_the_mute_of_somebody_else(self, reader, other):
        event = opt_out(reader, KIND)
        theirs = opt_out(reader_of(other), KIND)
        undo(reader, event)
        assert [row.pk for row in Subscription.objects.all()] == theirs.data["muted"]


class TestEvents:
    def test_say_who_stopped_what_and_no_address(self, reader, who, document):
        with audit_context(actor=User.objects.create(username="somebody else")):
            undo(reader, opt_out(reader, about(document)))
        stopped, undone = AuditEvent.objects.order_by("pk")
        assert (stopped.action, undone.action) == ("notifyaudit.unsubscribed", "notifyaudit.resubscribed")
        for event in (stopped, undone):
            assert event.actor == (None if who == ADDRESS else who)
            assert event.target_type == ""
            assert "@" not in json.dumps([event.data, event.metadata, event.target_repr, event.actor_repr])
        assert stopped.data["target_id"] == str(document.pk)
        assert undone.data["event"] == stopped.pk

    def test_of_what_is_stopped_already_there_is_one(self, reader, who):
        event = opt_out(reader, KIND)
        assert opt_out(reader, KIND) == event
        assert AuditEvent.objects.count() == 1

    def test_of_what_they_have_muted_themselves_there_is_none(self, reader, who):
        with email_kind() as kind:
            mute(who, kind)
        assert opt_out(reader, KIND) is None
        assert not AuditEvent.objects.exists()

    def test_hold_no_secret_of_a_condition(self, reader, who, document):
        with email_kind() as kind:
            subscribe(who, kind, where={"api_token": "hunter2"})
            event = opt_out(reader, KIND)
        assert "hunter2" not in json.dumps(event.data)

    def test_tell_nobody_who_asks_for_all_of_a_project(self, reader, other):
        subscribe(other, "*")
        mute(User.objects.create(username="silent"))
        with email_kind([other], actions=["*"]):
            opt_out(reader, KIND)
            route_pending()
        assert not Notification.objects.exists()

    @pytest.mark.parametrize("what", ["notifyaudit.unsubscribed", "notifyaudit.*"])
    def test_are_told_to_who_asks_for_them(self, reader, other, what, mailoutbox):
        subscribe(other, what)
        with email_kind(actions=[what]):
            opt_out(reader, KIND)
            sweep()
        assert [mail.to for mail in mailoutbox] == [[other.email]]


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_a_double_click_stops_it_once():
    reader = reader_of(User.objects.create(username="ann"))
    # Where one has looked what there is, and has written nothing yet.
    both = Barrier(2)

    def wait_for_the_other(execute, sql, params, many, context):
        if sql.startswith('INSERT INTO "notifyaudit_subscription"'):
            with suppress(BrokenBarrierError):
                both.wait(timeout=0.5)
        return execute(sql, params, many, context)

    def click():
        with connection.execute_wrapper(wait_for_the_other):
            return opt_out(reader, KIND)

    with ThreadPoolExecutor() as workers:
        clicks = [workers.submit(on_its_own_connection, click) for _ in range(2)]
        first, second = (click.result(timeout=30) for click in clicks)
    assert first == second
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize(
    "name", ["", "u", "u0", "ux", "p", "p0", "px", "p-1", "x1", "u99999999", "p99999999"]
)
def test_a_name_that_nobody_has_is_refused(name, db):
    with pytest.raises(InvalidToken):
        Reader.named(name)
