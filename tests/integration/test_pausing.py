"""Pauses: an operator's, and the sender's own when the mail server refuses its credentials."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from notifyaudit import clock, pausing, record
from notifyaudit.failures import Unauthorised
from notifyaudit.models import Message, Pause
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.transport import replaced
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db


class Server:
    """Refuses whoever asks, until ``accepts``."""

    def __init__(self):
        self.accepts, self.asked, self.recipients = False, 0, []

    def send(self, message):
        self.asked += 1
        if not self.accepts:
            raise Unauthorised("535 wrong password")
        self.recipients += message.to

    def close(self):
        pass


@pytest.fixture
def server():
    return Server()


@pytest.fixture(autouse=True)
def _clock():
    with clock.travelling():
        yield


def send(server, **attributes):
    with email_kind(["a@x.example", "b@x.example"], **attributes), replaced(lambda _: server):
        record(DocumentAction.FILED)
        route_pending()
        return send_due()


def again(server):
    with email_kind(), replaced(lambda _: server):
        return send_due()


def manage(*arguments):
    call_command("notifyaudit", *arguments)


class TestAnOperatorsPause:
    def test_of_everything_keeps_all_mails(self, server):
        server.accepts = True
        pausing.pause(reason="moving house")
        assert send(server) == {}
        assert set(Message.objects.values_list("status", "attempts")) == {("open", 0)}
        assert pausing.resume() == 1
        assert again(server) == {"sent": 2}

    def test_of_a_kind_keeps_its_mails_alone(self, server):
        server.accepts = True
        pausing.pause(["test.kind"])
        with email_kind(["c@x.example"], key="test.other", name="OtherEmail"):
            assert send(server) == {"sent": 1}
        assert server.recipients == ["c@x.example"]

    def test_ends_by_itself_at_its_time(self, server):
        server.accepts = True
        pausing.pause(until=clock.now() + timedelta(minutes=5))
        assert send(server) == {}
        clock.advance(timedelta(minutes=5))
        assert again(server) == {"sent": 2}

    def test_set_twice_is_one(self):
        pausing.pause(reason="first")
        pausing.pause(reason="second")
        assert list(Pause.objects.values_list("email_key", "reason", "until")) == [("", "second", None)]

    def test_of_one_kind_is_resumed_alone(self):
        pausing.pause(["a", "b"])
        assert pausing.resume(["a", "c"]) == 1
        assert pausing.paused().keys == {"b"}


class TestRefusedCredentials:
    def test_pause_everything_after_one_attempt_and_say_so_once(self, server, caplog):
        with pytest.raises(Unauthorised):
            send(server)
        for _ in range(5):
            assert again(server) == {}
        assert server.asked == 1
        assert set(Message.objects.values_list("status", "attempts")) == {("open", 0)}
        (line,) = [entry for entry in caplog.records if entry.levelname == "CRITICAL"]
        assert "refuses our credentials" in line.getMessage()

    def test_are_tried_again_later_and_later(self, server):
        with pytest.raises(Unauthorised):
            send(server)
        for minutes in (1, 2, 4):
            clock.advance(timedelta(minutes=minutes, seconds=-1))
            assert again(server) == {}
            clock.advance(timedelta(seconds=1))
            with pytest.raises(Unauthorised):
                again(server)
        assert server.asked == 4

    def test_that_are_accepted_again_are_forgotten(self, server):
        with pytest.raises(Unauthorised):
            send(server)
        server.accepts = True
        clock.advance(timedelta(minutes=1))
        assert again(server) == {"sent": 2}
        assert not Pause.objects.exists()

    def test_do_not_end_an_operators_pause(self, server):
        until = clock.now() + timedelta(seconds=10)
        pausing.pause(reason="moving house", until=until)
        pausing.refused(Unauthorised("535"))
        row = Pause.objects.get()
        assert (row.reason, row.until, row.refusals) == ("moving house", until, 0)

    def test_count_once_for_all_connections_that_meet_them(self):
        for _ in range(3):
            pausing.refused(Unauthorised("535"))
        assert Pause.objects.get().refusals == 1

    def test_count_after_an_operators_pause_is_over(self):
        pausing.pause(reason="moving house", until=clock.now() + timedelta(seconds=10))
        clock.advance(timedelta(seconds=11))
        pausing.refused(Unauthorised("535 no"))
        row = Pause.objects.get()
        assert (row.reason, row.refusals, row.until > clock.now()) == ("Unauthorised: 535 no", 1, True)

    def test_of_a_server_of_one_class_pause_nobody(self, server):
        class Own:
            def send_messages(self, messages):
                raise Unauthorised("535 wrong password")

            def close(self):
                pass

        with email_kind(["a@x.example"], get_connection=lambda self: Own()):
            record(DocumentAction.FILED)
            route_pending()
            send_due()
        assert not Pause.objects.exists()
        assert Message.objects.get().due_at > clock.now()


class TestTheCommands:
    def test_pause_and_resume(self, capsys):
        with email_kind():
            manage("pause", "test.kind", "--reason", "a mistake in it", "--for", "60")
        row = Pause.objects.get()
        assert (row.email_key, row.reason) == ("test.kind", "a mistake in it")
        assert timedelta(seconds=50) < row.until - clock.now() <= timedelta(seconds=60)
        manage("pause")
        manage("resume", "test.kind")
        manage("resume")
        assert capsys.readouterr().out.splitlines() == [
            "paused: test.kind",
            "paused: everything",
            "1 resumed",
            "1 resumed",
        ]

    def test_a_key_that_no_class_has_is_refused(self):
        with (
            email_kind(),
            pytest.raises(CommandError, match="has the key 'nothing'. Known are"),
        ):
            manage("pause", "nothing")
        assert not Pause.objects.exists()
