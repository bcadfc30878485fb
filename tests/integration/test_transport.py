"""Every phase in which an SMTP delivery can end, against a real server on a socket."""

import email
import email.policy
import socket
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from django.test import override_settings

from notifyaudit.failures import NoConnection, Refused, TryLater, Unauthorised, Uncertain
from notifyaudit.transport import BackendTransport, SmtpTransport, _as_data, open_transport


def backend(port, **options):
    # The alias is what Django 6.1 knows a backend of MAILERS by; older versions ignore it.
    return EmailBackend(host="127.0.0.1", port=port, timeout=10, alias="test", **options)


@pytest.fixture
def transport(server):
    transport = open_transport(backend(server.port))
    assert isinstance(transport, SmtpTransport)
    yield transport
    transport.close()


def mail(*to, **options):
    message = EmailMultiAlternatives("Grüße", "Text", "Sender <s@x.example>", to, **options)
    message.attach_alternative("<p>Hällo</p>", "text/html")
    return message


def parsed_mail(received):
    return email.message_from_bytes(received["content"].encode("latin-1"), policy=email.policy.default)


def test_an_accepted_mail_arrives_as_it_was_meant(transport, server):
    transport.send(mail("a@x.example", cc=["B. <b@x.example>"], bcc=["c@x.example"]))
    received = server.next_mail()
    assert received["from"] == "s@x.example"
    assert received["to"] == ["a@x.example", "b@x.example", "c@x.example"]
    parsed = parsed_mail(received)
    assert parsed["Subject"] == "Grüße"
    assert "Bcc" not in parsed
    assert parsed.get_body(["plain"]).get_content().strip() == "Text"
    assert parsed.get_body(["html"]).get_content().strip() == "<p>Hällo</p>"


def test_lines_that_begin_with_a_dot_arrive_unharmed(transport, server):
    message = mail("a@x.example")
    message.body = ".\r\n..two\r\n.end"
    transport.send(message)
    parsed = parsed_mail(server.next_mail())
    assert parsed.get_body(["plain"]).get_content().split() == [".", "..two", ".end"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_no_line_end_of_the_content_can_end_the_mail(end):
    assert _as_data(end.join([b"a", b".", b"b"])) == b"a\r\n..\r\nb\r\n.\r\n"


def test_one_connection_serves_many_mails(transport, server):
    for _ in range(3):
        transport.send(mail("a@x.example"))
    assert len({server.next_mail()["session"] for _ in range(3)}) == 1


@pytest.mark.parametrize(
    ("name", "error", "reply"),
    [
        ("refused", Refused, "550 no such user"),
        ("later", TryLater, "451 try later"),
        ("closing", TryLater, "421 closing"),
        ("cut", TryLater, "lost before the end"),
        ("spam", Refused, "554 looks like spam"),
        ("busy", TryLater, "451 busy"),
    ],
)
def test_a_mail_that_is_not_taken_says_why_and_the_next_one_goes_out(transport, server, name, error, reply):
    with pytest.raises(error, match=reply):
        transport.send(mail(f"{name}@x.example"))
    transport.send(mail("next@x.example"))
    assert server.next_mail()["to"] == ["next@x.example"]


def test_a_server_that_is_closing_is_not_asked_again_over_the_same_connection(transport, server):
    transport.send(mail("a@x.example"))
    server.next_mail()
    closing = transport._backend.connection
    with pytest.raises(TryLater, match="421 closing"):
        transport.send(mail("closing@x.example"))
    transport.send(mail("next@x.example"))
    assert server.next_mail()["to"] == ["next@x.example"]
    assert transport._backend.connection is not closing


def test_who_is_addressed_twice_is_named_to_the_server_once(transport, server):
    transport.send(mail("a@x.example", cc=["b@x.example", "a@x.example"], bcc=["b@x.example"]))
    assert server.next_mail()["to"] == ["a@x.example", "b@x.example"]


def test_a_connection_lost_after_the_mail_leaves_it_uncertain(transport, server):
    with pytest.raises(Uncertain, match="after the end of DATA"):
        transport.send(mail("silent@x.example"))
    assert server.next_mail()["to"] == ["silent@x.example"]
    transport.send(mail("next@x.example"))
    assert server.next_mail()["to"] == ["next@x.example"]


def test_a_refused_copy_is_no_success_and_nobody_gets_half_of_it(transport, server):
    with pytest.raises(Refused, match=r"550 no such user for refused@x\.example"):
        transport.send(mail("a@x.example", cc=["refused@x.example"]))
    transport.send(mail("next@x.example"))
    assert server.next_mail()["to"] == ["next@x.example"]


def test_an_idle_connection_that_the_server_closed_is_opened_again(transport, server):
    transport.send(mail("a@x.example"))
    server.next_mail()
    transport._backend.connection.sock.shutdown(socket.SHUT_RDWR)
    transport.send(mail("b@x.example"))
    assert server.next_mail()["to"] == ["b@x.example"]


def test_a_connection_that_takes_no_more_is_replaced(transport, server):
    transport.send(mail("last@x.example"))
    transport.send(mail("b@x.example"))
    one, other = server.next_mail(), server.next_mail()
    assert one["session"] != other["session"]


def test_a_connection_is_used_for_many_mails_and_then_replaced(transport, server, monkeypatch):
    monkeypatch.setattr("notifyaudit.transport.MAILS_PER_CONNECTION", 3)
    for _ in range(7):
        transport.send(mail("a@x.example"))
    sessions = [server.next_mail()["session"] for _ in range(7)]
    assert [sessions.count(session) for session in dict.fromkeys(sessions)] == [3, 3, 1]


def test_a_mail_that_is_refused_leaves_nothing_behind_on_its_connection(transport, server):
    transport.send(mail("a@x.example"))
    with pytest.raises(Refused):
        transport.send(mail("b@x.example", "refused@x.example"))
    transport.send(mail("c@x.example"))
    one, other = server.next_mail(), server.next_mail()
    assert (one["session"], other["to"]) == (other["session"], ["c@x.example"])


def test_credentials_that_are_refused_are_told_from_a_lost_connection(server):
    transport = open_transport(backend(server.port, username="someone", password="wrong"))
    with pytest.raises(Unauthorised, match="535"):
        transport.send(mail("a@x.example"))


def test_a_server_that_wants_a_login_first_says_so_of_no_single_mail(transport):
    message = mail("a@x.example")
    message.from_email = "stranger@x.example"
    with pytest.raises(Unauthorised, match="530 log in first"):
        transport.send(message)


def test_a_server_that_cannot_be_reached_is_no_mails_fault():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        transport = open_transport(backend(unused.getsockname()[1]))
        with pytest.raises(NoConnection, match="ConnectionRefusedError"):
            transport.send(mail("a@x.example"))
        transport.close()


def test_a_backend_that_swallows_errors_is_no_success():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        silent = backend(unused.getsockname()[1])
        silent.fail_silently = True
        with pytest.raises(NoConnection):
            open_transport(silent).send(mail("a@x.example"))


class Other:
    def __init__(self, result):
        self.result, self.closed = result, False

    def send_messages(self, messages):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def close(self):
        self.closed = True


def test_another_backend_is_used_through_djangos_interface():
    other = Other(1)
    transport = BackendTransport(other)
    transport.send(mail("a@x.example"))
    transport.close()
    assert other.closed


@pytest.mark.parametrize("result", [0, None, RuntimeError("quota")])
def test_another_backend_that_did_not_accept_is_tried_later(result):
    with pytest.raises(TryLater, match="quota|did not accept"):
        BackendTransport(Other(result)).send(mail("a@x.example"))


def test_the_default_is_the_projects_backend():
    assert isinstance(open_transport(), BackendTransport)


@pytest.mark.parametrize("method", ["send_messages", "_send"])
def test_a_smtp_backend_that_sends_in_its_own_way_is_not_passed_by(method):
    redirecting = type("Redirecting", (EmailBackend,), {method: lambda self, messages: 1})
    backend = redirecting(host="127.0.0.1", port=1, alias="test")
    assert isinstance(open_transport(backend), BackendTransport)


@pytest.mark.parametrize(("timeout", "limited"), [(None, 30), (10, 10), (600, 30)])
def test_no_reply_is_waited_for_beyond_the_lease(server, timeout, limited):
    slow = backend(server.port)
    slow.timeout = timeout  # not by argument: before Django 6.1 None there means the setting
    transport = open_transport(slow)
    with override_settings(NOTIFYAUDIT={"LEASE": timedelta(minutes=1)}):
        transport.send(mail("a@x.example"))
    server.next_mail()
    assert slow.connection.sock.gettimeout() == limited
    transport.close()


class TestTheReplyAfterTheMail:
    def send(self, reply, monkeypatch):
        smtp = Mock(**{"mail.return_value": (250, b""), "rcpt.return_value": (250, b""),
                       "docmd.return_value": (354, b""), "has_extn.return_value": False,
                       "getreply.return_value": reply})  # fmt: skip
        transport = SmtpTransport(backend(1))
        monkeypatch.setattr(transport, "_connected", lambda: smtp)
        transport.send(mail("a@x.example"))

    def test_any_2xx_is_acceptance(self, monkeypatch):
        self.send((200, b"queued"), monkeypatch)

    def test_what_is_no_reply_leaves_the_mail_uncertain(self, monkeypatch):
        with pytest.raises(Uncertain, match="no known reply"):
            self.send((-1, b"garbage"), monkeypatch)
