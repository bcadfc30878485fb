"""From messages to mails: each settled on its own, whatever happens to the others."""

import socket
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.db import DatabaseError, connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from example_site.inspections.models import User
from notifyaudit import RetryPolicy, clock, conf, record
from notifyaudit.claiming import BATCH, Claim, claim, recover
from notifyaudit.failures import DeliveryError, NoConnection, Refused, TryLater, Uncertain
from notifyaudit.models import AuditEvent, Message, Notification, Reason
from notifyaudit.routing import route, route_pending
from notifyaudit.sending import send_due
from notifyaudit.transport import replaced, transport_to
from tests.integration.concurrency import before_first, lost
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db


class Server:
    """A transport that answers by name: ``refused@``, ``later@``, ``uncertain@``, ``down@``."""

    answers = {"refused": Refused, "later": TryLater, "uncertain": Uncertain, "down": NoConnection}

    def __init__(self):
        self.accepted, self.closed = [], 0

    def send(self, message):
        name = message.to[0].partition("@")[0]
        if name in self.answers:
            raise self.answers[name]("550 as told")
        self.accepted.append(message)

    def close(self):
        self.closed += 1

    @property
    def recipients(self):
        return [message.to[0] for message in self.accepted]


@pytest.fixture
def server():
    return Server()


def send_through(server, *, only_default=False):
    with replaced(lambda backend: transport_to(backend) if only_default and backend else server):
        return send_due()


def message_to(name):
    return Message.objects.get(address=f"{name}@x.example")


def send(server, addresses, **attributes):
    with email_kind([f"{address}@x.example" for address in addresses], **attributes):
        record(DocumentAction.FILED, data={"note": "hello"})
        route_pending()
        return send_through(server)


def test_each_mail_is_sent_once_and_settled(server):
    assert send(server, ["a", "b"]) == {"sent": 2}
    assert server.recipients == ["a@x.example", "b@x.example"]
    row = message_to("a")
    assert (row.status, row.attempts, row.lease_token, row.last_error) == ("sent", 1, None, "")
    assert row.sent_at is not None
    assert len(row.content_hash) == 64
    assert send_through(server) == {}
    assert len(server.accepted) == 2


@pytest.mark.parametrize(
    ("answer", "status", "attempts"),
    [("refused", "failed", 1), ("later", "open", 1), ("uncertain", "uncertain", 1)],
)
def test_one_trouble_is_its_own(server, answer, status, attempts):
    send(server, ["a", answer, "b"])
    row = message_to(answer)
    assert (row.status, row.attempts) == (status, attempts)
    assert "550 as told" in row.last_error
    assert server.recipients == ["a@x.example", "b@x.example"]
    assert message_to("b").status == "sent"


def test_a_temporary_failure_is_tried_again_when_its_pause_is_over(server):
    send(server, ["later"])
    assert message_to("later").due_at > timezone.now() + timedelta(seconds=30)
    Message.objects.update(due_at=timezone.now(), address="now@x.example")
    with email_kind():
        send_through(server)
    assert message_to("now").status == "sent"
    assert message_to("now").attempts == 2


def test_attempts_end(server):
    send(server, ["later"], retry=RetryPolicy(max_attempts=1))
    assert message_to("later").status == "failed"


def test_a_mail_that_is_sent_at_last_shows_no_error_any_more(server):
    send(server, ["later"])
    assert message_to("later").last_error
    Message.objects.update(due_at=timezone.now(), address="now@x.example")
    with email_kind():
        send_through(server)
    assert (message_to("now").status, message_to("now").last_error) == ("sent", "")


def test_an_uncertain_mail_is_sent_again_under_the_same_message_id(server):
    send(server, ["uncertain"])
    message_id = message_to("uncertain").message_id
    assert message_to("uncertain").uncertain_at is not None
    Message.objects.update(due_at=timezone.now(), address="now@x.example")
    with email_kind():
        send_through(server)
    assert server.accepted[0].extra_headers["Message-ID"] == message_id
    assert message_to("now").uncertain_at is not None


def test_an_uncertain_mail_is_held_for_a_person_on_wish(server):
    with override_settings(NOTIFYAUDIT={"UNCERTAIN_POLICY": "hold"}):
        send(server, ["uncertain"])
    assert message_to("uncertain").status == "held"


def test_a_mail_that_is_uncertain_twice_keeps_the_first_moment(server):
    send(server, ["uncertain"])
    first = timezone.now() - timedelta(hours=1)
    Message.objects.update(due_at=timezone.now(), uncertain_at=first)
    with email_kind():
        assert send_through(server) == {"uncertain": 1}
    assert (message_to("uncertain").attempts, message_to("uncertain").uncertain_at) == (2, first)


def test_a_mail_that_stays_uncertain_is_held_when_its_attempts_end(server):
    assert send(server, ["uncertain"], retry=RetryPolicy(max_attempts=1)) == {"held": 1}
    row = message_to("uncertain")
    assert (row.status, row.attempts, row.uncertain_at is None) == ("held", 1, False)
    assert "550 as told" in row.last_error


def test_an_uncertain_mail_stays_uncertain_while_the_server_is_down(server):
    send(server, ["uncertain"])
    Message.objects.update(due_at=timezone.now(), address="down@x.example")
    with email_kind(), pytest.raises(NoConnection):
        send_through(server)
    assert (message_to("down").status, message_to("down").lease_token) == ("uncertain", None)


def test_the_connection_is_closed_whatever_happens(server):
    send(server, ["a", "refused"])
    assert server.closed == 1
    with pytest.raises(NoConnection):
        send(server, ["down"])
    assert server.closed == 2


def test_without_a_server_the_batch_is_given_back_and_no_attempt_counted(server):
    with pytest.raises(NoConnection):
        send(server, ["a", "down", "b"])
    assert message_to("a").status == "sent"
    for name in ("down", "b"):
        row = message_to(name)
        assert (row.status, row.attempts, row.lease_token) == ("open", 0, None)
    assert "NoConnection" in message_to("down").last_error


def test_a_worker_that_dies_in_the_air_leaves_one_uncertain_mail(server):
    class Dying(Server):
        def send(self, message):
            if message.to == ["b@x.example"]:
                raise KeyboardInterrupt
            super().send(message)

    dying = Dying()
    with pytest.raises(KeyboardInterrupt):
        send(dying, ["a", "b", "c"])
    assert message_to("a").status == "sent"
    assert message_to("b").status == "sending"
    assert message_to("c").status == "open"
    with email_kind():
        assert send_through(server) == {}
        Message.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        send_through(server)
    assert sorted(server.recipients) == ["b@x.example", "c@x.example"]
    assert message_to("b").uncertain_at is not None
    assert message_to("b").attempts == 2


def test_a_mail_that_kills_every_worker_is_held_at_last():
    class Deadly(Server):
        def send(self, message):
            super().send(message)
            raise KeyboardInterrupt

    deadly = Deadly()
    with email_kind(["a@x.example"], retry=RetryPolicy(max_attempts=2)):
        record(DocumentAction.FILED)
        route_pending()
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                send_through(deadly)
            Message.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert send_through(deadly) == {"held": 1}
    assert len(deadly.accepted) == 2


def test_a_worker_that_lost_its_lease_settles_nothing(server):
    class Slow(Server):
        def send(self, message):
            super().send(message)
            Message.objects.filter(address=message.to[0]).update(lease_token=None, status="sent", attempts=9)

    assert send(Slow(), ["a"]) == {}
    assert message_to("a").attempts == 9


def test_a_message_taken_over_before_it_leaves_is_not_sent(server):
    class Stealing(Server):
        def send(self, message):
            super().send(message)
            Message.objects.filter(address="b@x.example").update(lease_token=uuid4())

    stealing = Stealing()
    send(stealing, ["a", "b"])
    assert stealing.recipients == ["a@x.example"]
    assert message_to("b").status == "open"


def test_two_workers_never_claim_the_same_message():
    with email_kind([f"a{number}@x.example" for number in range(150)]):
        record(DocumentAction.FILED)
        route_pending()
        first, second, third = claim(), claim(), claim()
    assert (len(first.messages), len(second.messages), third) == (100, 50, None)
    assert not {row.pk for row in first.messages} & {row.pk for row in second.messages}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the others choose by what the tables hold")
def test_what_a_claim_has_chosen_is_found_without_reading_the_backlog():
    updates = []

    def kept(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            updates.append((sql, params))
        return execute(sql, params, many, context)

    with email_kind([f"a{number}@x.example" for number in range(BATCH)]):
        record(DocumentAction.FILED)
        route_pending()
        with connection.execute_wrapper(kept):
            assert len(claim().messages) == BATCH
    [(sql, params)] = updates
    with connection.cursor() as cursor:
        plan = str(cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params).fetchall())
    assert "INTEGER PRIMARY KEY" in plan


def test_a_message_that_another_worker_takes_at_the_same_moment_is_not_claimed_too():
    other, lease_until = uuid4(), timezone.now() + timedelta(minutes=5)

    def take():
        Message.objects.update(lease_token=other, lease_until=lease_until)

    with email_kind(["a@x.example"]):
        record(DocumentAction.FILED)
        route_pending()
        with before_first("UPDATE", "notifyaudit_message", take):
            assert claim() is None
    assert message_to("a").lease_token == other


def test_a_message_leaves_with_a_full_lease_however_long_it_waited_for_its_turn():
    with email_kind(["a@x.example"]):
        record(DocumentAction.FILED)
        route_pending()
        batch = claim()
    Message.objects.update(lease_until=timezone.now() + timedelta(seconds=1))
    assert batch.mark_sending(batch.messages) == batch.messages
    assert message_to("a").lease_until > timezone.now() + timedelta(minutes=4)


class TestAMailWhoseWorkerVanished:
    @pytest.fixture
    def abandoned(self, server):
        send(server, ["a"])
        Message.objects.update(status="sending", lease_until=timezone.now() - timedelta(seconds=1))

    @pytest.mark.usefixtures("abandoned")
    @pytest.mark.parametrize(("policy", "status"), [("resend", "uncertain"), ("hold", "held")])
    def test_goes_where_the_policy_says(self, policy, status):
        with override_settings(NOTIFYAUDIT={"UNCERTAIN_POLICY": policy}):
            assert recover() == 1
        row = message_to("a")
        assert (row.status, row.lease_until, row.uncertain_at is None) == (status, None, False)
        assert "vanished" in row.last_error

    @pytest.mark.usefixtures("abandoned")
    def test_keeps_the_first_moment_at_which_it_became_uncertain(self):
        first = timezone.now() - timedelta(hours=1)
        Message.objects.update(uncertain_at=first)
        recover()
        assert message_to("a").uncertain_at == first


class TestSeveralInTheAir:
    @pytest.fixture(autouse=True)
    def _settings(self, settings):
        settings.NOTIFYAUDIT = {"BASE_URL": "https://site.example", "MAX_IN_FLIGHT": 3}

    def test_each_comes_to_its_own_end(self, server):
        outcomes = send(server, ["a", "refused", "b", "later", "uncertain", "c", "d"])
        assert server.recipients == [f"{name}@x.example" for name in "abcd"]
        assert outcomes == {"sent": 4, "failed": 1, "open": 1, "uncertain": 1}

    def test_one_that_is_declined_takes_nobodys_place(self, server):
        def should_send(self):
            return "b@" not in self.get_recipient_emails()[0]

        assert send(server, ["a", "b", "c", "d"], should_send=should_send) == {"sent": 3, "cancelled": 1}

    def test_a_lost_connection_gives_back_all_that_have_not_left(self, server):
        with pytest.raises(NoConnection):
            send(server, ["a", "down", "b", "c", "d"])
        assert server.recipients == ["a@x.example"]
        assert message_to("a").status == "sent"
        for name in ("down", "b", "c", "d"):
            row = message_to(name)
            assert (row.status, row.attempts, row.lease_token) == ("open", 0, None)

    def test_a_worker_that_dies_leaves_no_more_than_those_uncertain(self, server):
        class Dying(Server):
            def send(self, message):
                if message.to == ["d@x.example"]:
                    raise KeyboardInterrupt
                super().send(message)

        with pytest.raises(KeyboardInterrupt):
            send(Dying(), ["a", "b", "c", "d", "e", "f", "g"])
        statuses = {name: message_to(name).status for name in "abcdefg"}
        assert statuses == dict.fromkeys("abc", "sent") | dict.fromkeys("def", "sending") | {"g": "open"}

    def test_those_after_a_slow_one_are_given_back_before_their_lease_ends(self, server):
        taken_over = []

        class Slow(Server):
            def send(self, message):
                super().send(message)
                taken_over.append(recover())
                if message.to == ["a@x.example"]:
                    clock.advance(conf.current().LEASE * 0.6)

        slow = Slow()
        with clock.travelling():
            assert send(slow, ["a", "b", "c"]) == {"sent": 3, "open": 2}
        assert slow.recipients == [f"{name}@x.example" for name in "abc"]
        assert {message_to(name).attempts for name in "abc"} == {1}
        assert taken_over == [0, 0, 0]

    def test_they_cost_one_commit(self, server):
        with CaptureQueriesContext(connection) as queries:
            send(server, ["a", "b", "c"])
        marks = [sql for sql in (query["sql"] for query in queries) if " = 'sending', " in sql]
        assert len(marks) == 1


class TestAMailThatMakesItsWorkerVanish:
    """While it is prepared: an innocent one in the same batch must not suffer for it."""

    def take_over(self, server):
        """What a worker does with what another left: it is killed itself by the mail to ``deadly@``."""

        def get_subject(self):
            if "deadly@" in self.get_recipient_emails()[0]:
                raise KeyboardInterrupt
            return "Filed"

        Message.objects.filter(lease_until__isnull=False).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )
        with email_kind(get_subject=get_subject):
            return send_through(server)

    def test_it_is_held_at_last_and_the_others_leave(self, server):
        with email_kind([f"{name}@x.example" for name in ("a", "deadly", "b", "c")]):
            record(DocumentAction.FILED)
            route_pending()
        with pytest.raises(KeyboardInterrupt):
            self.take_over(server)
        assert server.recipients == ["a@x.example"]
        with pytest.raises(KeyboardInterrupt):
            self.take_over(server)
        with pytest.raises(KeyboardInterrupt):
            self.take_over(server)
        assert server.recipients == ["a@x.example", "b@x.example", "c@x.example"]
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                self.take_over(server)
        assert self.take_over(server) == {"held": 1}
        assert sorted(server.recipients) == [f"{name}@x.example" for name in "abc"]
        row = message_to("deadly")
        assert (row.status, row.last_error) == ("held", "6 workers vanished while they prepared it")
        assert {message_to(name).abandoned for name in "abc"} == {0}

    def test_one_that_is_given_back_is_as_it_was(self):
        with email_kind(["a@x.example", "b@x.example"]):
            record(DocumentAction.FILED)
            route_pending()
            gone = clock.now() - timedelta(seconds=1)
            Message.objects.filter(address="a@x.example").update(
                abandoned=2, lease_token=uuid4(), lease_until=gone
            )
            for _ in range(3):
                fresh, left = claim(), claim()
                assert [message.address for message in fresh.messages] == ["b@x.example"]
                assert [(message.address, message.abandoned) for message in left.messages] == [
                    ("a@x.example", 3)
                ]
                assert claim() is None
                fresh.release(fresh.messages)
                left.release(left.messages)
        assert (message_to("a").abandoned, message_to("b").lease_token) == (2, None)


@pytest.mark.django_db(transaction=True)
class TestALostDatabase:
    def test_between_two_mails_is_no_other_worker(self, server, monkeypatch, caplog):
        mark_sending = Claim.mark_sending

        def mark(batch, messages):
            if message_to("b") in messages:
                lost()
            return mark_sending(batch, messages)

        monkeypatch.setattr(Claim, "mark_sending", mark)
        with pytest.raises(DatabaseError):
            send(server, ["a", "b"])
        assert (message_to("a").status, message_to("b").status) == ("sent", "open")
        assert "taken over by another worker" not in caplog.text

    def test_never_leaves_a_cancelled_mail_without_its_reason(self, server):
        with (
            before_first("UPDATE", "notifyaudit_notification", lost),
            pytest.raises(DatabaseError),
        ):
            send(server, ["a"], should_send=lambda self: False)
        assert message_to("a").status == "open"
        Message.objects.update(lease_until=timezone.now())
        with email_kind(should_send=lambda self: False):
            assert send_through(server) == {"cancelled": 1}
        assert Notification.objects.get().skip_reason == "should_send"


def test_the_urgent_leave_first(server):
    with (
        email_kind(["late@x.example"], key="late", name="A", priority=-1),
        email_kind(["usual@x.example"], key="usual", name="B"),
        email_kind(["urgent@x.example"], key="urgent", name="C", priority=10),
    ):
        record(DocumentAction.FILED)
        route_pending()
        send_through(server)
    assert server.recipients == ["urgent@x.example", "usual@x.example", "late@x.example"]


def test_a_kind_of_email_that_this_code_does_not_know_waits(server):
    send(server, ["later"])
    Message.objects.update(due_at=timezone.now(), email_key="test.newer")
    with email_kind():
        assert send_through(server) == {}
    assert Message.objects.get().status == "open"


class TestTheRecipientAsOfNow:
    def send_to(self, server, user, change=lambda user: None, **attributes):
        with email_kind([user], **attributes):
            record(DocumentAction.FILED)
            route_pending()
            change(user)
            send_through(server)
        row = Notification.objects.select_related("message").get()
        return row.skip_reason, row.message.status

    def test_the_address_is_read_when_the_mail_leaves(self, server, user):
        User.objects.filter(pk=user.pk).update(email="before@example.com")
        self.send_to(server, user, lambda user: User.objects.update(email="after@example.com"))
        assert server.recipients == ["after@example.com"]

    def test_a_user_who_is_gone_is_not_told(self, server, user):
        assert self.send_to(server, user, lambda user: user.delete()) == ("deleted", "cancelled")

    def test_a_user_whom_the_default_manager_hides_is_told(self, server, user, hide_rows):
        assert self.send_to(server, user, lambda user: hide_rows(User)) == ("", "sent")

    def test_a_user_who_is_inactive_is_not_told(self, server, user):
        change = lambda user: User.objects.update(is_active=False)  # noqa: E731
        assert self.send_to(server, user, change) == ("inactive", "cancelled")

    def test_a_user_without_an_address_is_not_told(self, server, user):
        change = lambda user: User.objects.update(email="")  # noqa: E731
        assert self.send_to(server, user, change) == ("no_address", "cancelled")

    def test_an_invalid_address_fails_with_its_error(self, server, user):
        change = lambda user: User.objects.update(email="nobody at home")  # noqa: E731
        assert self.send_to(server, user, change) == ("invalid_address", "failed")
        assert "'nobody at home' is not an address" in Message.objects.get().last_error

    def test_an_invalid_address_is_not_logged(self, server, user, caplog):
        change = lambda user: User.objects.update(email="nobody at home")  # noqa: E731
        self.send_to(server, user, change)
        assert "InvalidAddress" in caplog.text
        assert "nobody at home" not in caplog.text

    def test_the_class_has_the_last_word(self, server, user):
        decided = self.send_to(server, user, should_send=lambda self: self.recipient.username != "owner")
        assert decided == ("should_send", "cancelled")
        assert not server.accepted


class TestWhatAClassIsTold:
    def test_the_events_of_a_mail_in_their_order(self, server):
        told = []

        def should_send(self):
            told.append((list(self.events), self.event))
            return True

        with email_kind(["a@x.example"], should_send=should_send):
            first, second, third = [record(DocumentAction.FILED) for _ in range(3)]
            for event in (third, first, second):
                route(event)
            Notification.objects.update(message=Message.objects.first())
            Message.objects.filter(notifications=None).delete()
            send_through(server)
        assert told == [([first, second, third], third)]

    def test_a_reason_that_only_newer_code_knows_is_taken_as_the_general_one(self, server):
        reasons = []

        def should_send(self):
            reasons.append(self.reason)
            return True

        with email_kind(["a@x.example"], should_send=should_send):
            record(DocumentAction.FILED)
            route_pending()
            Notification.objects.update(reason="later_invented")
            assert send_through(server) == {"sent": 1}
        assert reasons == [Reason.NAMED]

    def test_the_correlation_id_which_what_it_records_shares(self, server):
        def should_send(self):
            record(DocumentAction.CHANGED)
            return True

        send(server, ["a"], should_send=should_send)
        first, recorded = AuditEvent.objects.order_by("pk")
        assert recorded.correlation_id == first.correlation_id


class TestAClassThatFails:
    @pytest.mark.parametrize(
        ("attributes", "error"),
        [
            ({"template_name": "nowhere.html"}, "TemplateDoesNotExist: nowhere.html"),
            ({"template_name": "testapp/broken.html"}, "TemplateSyntaxError"),
            ({"template_txt_name": "nowhere.txt"}, "TemplateDoesNotExist: nowhere.txt"),
            ({"subject": ""}, "requires a subject"),
            ({"cc_email_list": ["not an address"]}, "'not an address' is not an address"),
            ({"attachment_list": [{"name": "x"}]}, "'filename'"),
        ],
    )
    def test_for_good_is_failed_with_its_error_and_touches_nothing_else(
        self, server, user, attributes, error
    ):
        with email_kind([user], key="broken", name="Broken", **attributes), email_kind([user], key="sound"):
            record(DocumentAction.FILED)
            route_pending()
            send_through(server)
        broken, sound = Message.objects.get(email_key="broken"), Message.objects.get(email_key="sound")
        assert (broken.status, sound.status) == ("failed", "sent")
        assert error in broken.last_error

    def test_for_now_is_tried_again(self, server, user):
        def get_context_data(self):
            raise RuntimeError("the price list is locked")

        with email_kind([user], get_context_data=get_context_data):
            record(DocumentAction.FILED)
            route_pending()
            send_through(server)
        row = Message.objects.get()
        assert (row.status, row.attempts) == ("open", 1)
        assert "the price list is locked" in row.last_error

    def test_in_the_database_leaves_the_transaction_usable(self, server, user):
        def should_send(self):
            with connection.cursor() as cursor:
                cursor.execute("SELECT no_such_column")

        with email_kind([user], should_send=should_send):
            record(DocumentAction.FILED)
            route_pending()
            send_through(server)
        assert "no_such_column" in Message.objects.get().last_error


def test_a_mail_without_alternatives_is_sent_once(server):
    def build(self):
        return EmailMessage("Subject", "Text", "from@x.example", self.get_recipient_emails())

    assert send(server, ["a", "b"], build=build) == {"sent": 2}
    assert server.recipients == ["a@x.example", "b@x.example"]


def test_the_default_transport_is_the_projects_mail_backend():
    with email_kind(["a@x.example"]):
        record(DocumentAction.FILED, data={"note": "hello"})
        route_pending()
        send_due()
    assert [message.to for message in mail.outbox] == [["a@x.example"]]


def test_a_connection_that_the_class_asks_for_is_used(server):
    with email_kind(["a@x.example"], get_connection=lambda self: EmailBackend()):
        record(DocumentAction.FILED)
        route_pending()
        send_through(server, only_default=True)
    assert not server.accepted
    assert len(mail.outbox) == 1


def test_a_server_of_one_class_that_is_down_keeps_nobody_elses_mail(server):
    def get_connection(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            return SmtpBackend(host="127.0.0.1", port=unused.getsockname()[1], timeout=5, alias="test")

    with (
        email_kind(["own@x.example"], key="own", name="Own", get_connection=get_connection, priority=1),
        email_kind(["b@x.example"], key="plain", name="Plain"),
    ):
        record(DocumentAction.FILED)
        route_pending()
        send_through(server, only_default=True)
    assert server.recipients == ["b@x.example"]
    row = message_to("own")
    assert (row.status, row.attempts, "NoConnection" in row.last_error) == ("open", 0, True)
    assert row.due_at > timezone.now() + timedelta(seconds=30)


def test_a_mail_costs_two_updates_and_no_query_of_its_own(server):
    with email_kind([f"a{number}@x.example" for number in range(20)]):
        record(DocumentAction.FILED)
        route_pending()
        with CaptureQueriesContext(connection) as captured:
            send_through(server)
    updates = [query for query in captured.captured_queries if query["sql"].startswith("UPDATE")]
    # Recover and claim once each; then each mail is marked once and settled once.
    assert len(updates) == 2 + 2 * 20
    selects = [query for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    assert len(selects) <= 14


def test_delivery_errors_have_one_root():
    assert all(issubclass(error, DeliveryError) for error in Server.answers.values())


def test_a_time_zone_that_a_hook_activates_is_not_the_next_mails(server):
    zones = []

    def should_send(self):
        zones.append(timezone.get_current_timezone_name())
        timezone.activate("Asia/Tokyo")
        return True

    send(server, ["a", "b"], should_send=should_send)
    assert zones == ["UTC", "UTC"]
    assert timezone.get_current_timezone_name() == "UTC"
