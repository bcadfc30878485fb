"""Mails through backends that are not Django's SMTP backend, from the event to the ledger."""

import json
import socket
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import django
import pytest
from anymail.exceptions import AnymailAPIError
from anymail.message import AnymailRecipientStatus
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.test import override_settings

from notifyaudit import AuditEmail, pausing, record
from notifyaudit.failures import NoConnection, Unauthorised
from notifyaudit.models import Message
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.transport import close_kept
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db

DJANGO = "django.core.mail.backends"
ANYMAIL = "anymail.backends.test.EmailBackend"
OF_THIS_TEST = f"{__name__}.OfThisTest"


@contextmanager
def project_backend(path, **options):
    """Have the project send through this backend, in the words of the installed Django."""
    if django.VERSION >= (6, 1):
        settings = {"MAILERS": {"default": {"BACKEND": path, "OPTIONS": options}}}
    else:
        settings = {
            "EMAIL_BACKEND": path,
            "ANYMAIL": {f"POSTMARK_{name.upper()}": value for name, value in options.items()},
            "EMAIL_FILE_PATH": options.get("file_path"),
        }
    close_kept()
    with override_settings(**settings):
        yield
    close_kept()


def send(*recipients, **attributes):
    with email_kind(recipients or ["reader@x.example"], **attributes):
        record(DocumentAction.FILED, data={"note": "hello"})
        route_pending()
        return send_due()


def row(name="reader"):
    return Message.objects.get(address=f"{name}@x.example")


class OfThisTest(BaseEmailBackend):
    """Returns or raises what the test says."""

    answer = 1
    fails_to_close = False

    def send_messages(self, messages):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self):
        if self.fails_to_close:
            raise OSError("the end of the connection")


class TestWhatABackendReturns:
    @pytest.mark.parametrize("answer", [1, True, 2])
    def test_some_is_accepted(self, monkeypatch, answer):
        monkeypatch.setattr(OfThisTest, "answer", answer)
        with project_backend(OF_THIS_TEST):
            assert send() == {"sent": 1}

    @pytest.mark.parametrize("answer", [0, None, False])
    def test_nothing_is_tried_again(self, monkeypatch, answer):
        monkeypatch.setattr(OfThisTest, "answer", answer)
        with project_backend(OF_THIS_TEST):
            assert send() == {"open": 1}
        assert (row().attempts, row().last_error.partition(".")[0]) == (
            1,
            "TryLater: OfThisTest did not accept the mail and gave no reason",
        )

    def test_a_connection_that_does_not_end_well_makes_no_mail_unsent(self, monkeypatch):
        monkeypatch.setattr(OfThisTest, "fails_to_close", True)
        own = {"alias": "own"} if django.VERSION >= (6, 1) else {}
        assert send(get_connection=lambda self: OfThisTest(**own)) == {"sent": 1}


class TestDjangosOwn:
    def test_locmem(self):
        with project_backend(f"{DJANGO}.locmem.EmailBackend"):
            assert send() == {"sent": 1}
        assert [message.to for message in mail.outbox] == [["reader@x.example"]]

    def test_console(self, capsys):
        with project_backend(f"{DJANGO}.console.EmailBackend"):
            assert send() == {"sent": 1}
        assert f"Message-ID: {row().message_id}\n" in capsys.readouterr().out

    def test_file(self, tmp_path):
        with project_backend(f"{DJANGO}.filebased.EmailBackend", file_path=str(tmp_path)):
            assert send("a@x.example", "b@x.example") == {"sent": 2}
        stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert message_from_bytes(stored)["To"] == "a@x.example"
        assert b"\nTo: b@x.example\n" in stored

    def test_dummy(self):
        with project_backend(f"{DJANGO}.dummy.EmailBackend"):
            assert send() == {"sent": 1}


@pytest.mark.skipif(django.VERSION < (6, 1), reason="Django has one backend before MAILERS")
def test_a_class_may_use_another_mailer():
    def another(self):
        return mail.mailers["another"]

    mailers = {
        "default": {"BACKEND": f"{DJANGO}.dummy.EmailBackend"},
        "another": {"BACKEND": f"{DJANGO}.locmem.EmailBackend"},
    }
    close_kept()
    with (
        override_settings(MAILERS=mailers),
        email_kind(["own@x.example"], key="own", name="Own", get_connection=another),
        email_kind(["plain@x.example"], key="plain", name="Plain"),
    ):
        record(DocumentAction.FILED)
        route_pending()
        assert send_due() == {"sent": 2}
    close_kept()
    assert [message.to for message in mail.outbox] == [["own@x.example"]]


@pytest.mark.parametrize("path", ["nowhere.EmailBackend", f"{__name__}.NoSuchBackend"])
def test_a_backend_that_cannot_be_made_holds_no_mail(path):
    with email_kind(["reader@x.example"]):
        record(DocumentAction.FILED)
        route_pending()
        # Often: a message that several workers vanish with would be held for a person.
        for _ in range(8):
            with project_backend(path), pytest.raises(Exception, match=r"nowhere|NoSuchBackend"):
                send_due()
        assert (row().status, row().attempts, row().lease_token, row().abandoned) == ("open", 0, None, 0)
        with project_backend(f"{DJANGO}.locmem.EmailBackend"):
            assert send_due() == {"sent": 1}


def answered(response, **attributes):
    """Attributes of a class to whose mails django-anymail's backend for tests gives this response."""

    def build(self):
        content = AuditEmail.build(self)
        content.anymail_test_response = response
        return content

    return {"build": build, **attributes}


def statuses(**words):
    return {
        "recipient_status": {
            f"{name}@x.example": AnymailRecipientStatus("id", word) for name, word in words.items()
        }
    }


class TestAProvider:
    @pytest.fixture(autouse=True)
    def _backend(self, settings):
        with project_backend(ANYMAIL):
            yield

    @pytest.mark.parametrize("word", ["sent", "queued", "unknown"])
    def test_takes_a_mail(self, word):
        assert send(**answered(statuses(reader=word))) == {"sent": 1}

    @pytest.mark.parametrize("word", ["invalid", "rejected", "failed"])
    def test_refuses_a_mail(self, word):
        assert send(**answered(statuses(reader=word))) == {"failed": 1}
        assert (row().attempts, row().last_error.startswith("Refused: ")) == (1, True)

    @pytest.mark.parametrize("word", ["invalid", "rejected", "failed"])
    def test_refuses_the_recipient_and_takes_the_copy(self, word):
        kind = answered(statuses(reader=word, copy="sent"), cc_email_list=["copy@x.example"])
        assert send(**kind) == {"failed": 1}
        assert f"reader@x.example is '{word}'" in row().last_error

    def test_refuses_a_copy_and_takes_the_recipient(self):
        kind = answered(statuses(reader="sent", copy="rejected"), cc_email_list=["copy@x.example"])
        assert send(**kind) == {"sent": 1}

    @pytest.mark.parametrize(
        ("status", "outcome"), [(400, "failed"), (422, "failed"), (429, "open"), (500, "open"), (503, "open")]
    )
    def test_answers_with_an_error(self, status, outcome):
        assert send(**answered(AnymailAPIError("no", status_code=status))) == {outcome: 1}
        assert row().attempts == 1

    @pytest.mark.parametrize("status", [401, 403])
    def test_does_not_accept_the_credentials(self, status):
        with pytest.raises(Unauthorised):
            send("reader@x.example", "b@x.example", **answered(AnymailAPIError("no", status_code=status)))
        assert {row(name).status for name in ("reader", "b")} == {"open"}
        assert {row(name).attempts for name in ("reader", "b")} == {0}
        assert pausing.paused().everything

    def test_cannot_be_given_what_it_does_not_know(self):
        def build(self):
            content = AuditEmail.build(self)
            content.attach_alternative("x", "application/x-strange")
            return content

        assert send(build=build) == {"failed": 1}
        assert "AnymailUnsupportedFeature" in row().last_error

    def test_gets_what_no_line_of_a_header_can_hold_in_a_form_that_it_can(self):
        assert send(subject="Plan {{ data.note }}", get_reply_to_emails=lambda self: ["A\r\nB <r@x.example>"])
        (message,) = mail.outbox
        assert message.reply_to == ["A B <r@x.example>"]


class Provider(BaseHTTPRequestHandler):
    """The interface of an email provider, which answers as the test says."""

    answer = 200, "{}"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = type(self).answer
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class TestAProviderOverHttp:
    """What django-anymail's backends make of a real connection."""

    @pytest.fixture
    def provider(self, monkeypatch):
        monkeypatch.setenv("no_proxy", "*")
        server = HTTPServer(("127.0.0.1", 0), Provider)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with project_backend(
            "anymail.backends.postmark.EmailBackend",
            server_token="token",
            api_url=f"http://127.0.0.1:{server.server_port}/",
        ):
            yield monkeypatch
        server.shutdown()
        thread.join()
        server.server_close()

    ACCEPTED = {"ErrorCode": 0, "Message": "OK", "MessageID": "1", "To": "reader@x.example"}
    INVALID = {"ErrorCode": 300, "Message": "Invalid 'To' address: 'reader@x.example'."}

    @pytest.mark.parametrize(
        ("answer", "outcome"),
        [
            ((200, json.dumps(ACCEPTED)), "sent"),
            ((422, json.dumps(INVALID)), "failed"),
            ((200, "<html>a proxy's page</html>"), "uncertain"),
            ((413, "too large"), "failed"),
            ((429, "slowly"), "open"),
            ((500, "oops"), "open"),
            ((None, ""), "uncertain"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_answers(self, provider, answer, outcome):
        provider.setattr(Provider, "answer", answer)
        assert send() == {outcome: 1}
        assert row().attempts == 1

    def test_does_not_accept_the_token(self, provider):
        provider.setattr(Provider, "answer", (401, "who?"))
        with pytest.raises(Unauthorised):
            send()
        assert (row().status, row().attempts) == ("open", 0)

    def test_cannot_be_reached(self, monkeypatch):
        monkeypatch.setenv("no_proxy", "*")
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
            with (
                project_backend("anymail.backends.postmark.EmailBackend", server_token="token", api_url=url),
                pytest.raises(NoConnection),
            ):
                send()
        assert (row().status, row().attempts) == ("open", 0)
