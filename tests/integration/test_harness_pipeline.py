"""audit_outbox has no path of its own: what it sees, and that it fails where the worker's code is broken."""

from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.db import transaction

from notifyaudit import claiming, compat, composing, record, routing, sending, tasks, transport
from tests.integration.failures import failure_of
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db


class TestWhatItSees:
    def test_what_was_recorded_before_it_was_asked_for(self, change, request, user):
        change()
        request.getfixturevalue("audit_outbox").one(to=user)

    def test_what_is_recorded_between_two_questions(self, change, audit_outbox, user):
        audit_outbox.assert_nothing_sent()
        change()
        audit_outbox.one(to=user)
        change()
        assert len(audit_outbox.all(to=user)) == 2

    def test_not_what_a_savepoint_rolled_back(self, change, audit_outbox):
        with pytest.raises(RuntimeError), transaction.atomic():
            change()
            raise RuntimeError
        audit_outbox.assert_nothing_sent()

    def test_nothing_while_the_code_under_test_has_a_transaction_open(self, change, audit_outbox):
        questions = [
            audit_outbox.one,
            audit_outbox.last,
            audit_outbox.all,
            audit_outbox.waiting,
            audit_outbox.recorded,
            audit_outbox.assert_not_sent,
            audit_outbox.assert_nothing_sent,
            audit_outbox.assert_no_more,
            audit_outbox.clear,
            lambda: audit_outbox.advance(timedelta(hours=1)),
            audit_outbox.close_digests,
        ]
        with transaction.atomic():
            change()
            for question in questions:
                assert failure_of(question) == (
                    "The code under test still has a transaction.atomic() open: in production nothing would "
                    "have been sent yet. Ask audit_outbox after the block."
                )
        audit_outbox.one()

    @pytest.mark.django_db(transaction=True)
    def test_what_a_transactional_test_commits(self, change, audit_outbox, user):
        with transaction.atomic():
            change()
            failure_of(audit_outbox.assert_nothing_sent)
        audit_outbox.one(to=user)

    @pytest.mark.parametrize("sweep", [tasks.sweep, lambda: call_command("notifyaudit", "sweep")])
    def test_what_the_code_under_test_sends_by_itself(self, change, audit_outbox, user, sweep):
        change()
        sweep()
        assert audit_outbox.one(to=user).message.attempts == 1
        assert len(mail.outbox) == 1

    def test_the_failing_server_also_for_the_code_under_test(self, change, audit_outbox):
        change()
        audit_outbox.smtp_fails(550)
        assert tasks.sweep().messages == {"failed": 1}
        audit_outbox.assert_not_sent(because="failed")

    def test_not_a_mail_of_a_class_that_brings_its_own_connection(self, audit_outbox):
        class Real(BaseEmailBackend):
            def send_messages(self, email_messages):
                raise AssertionError("a mail left the test")

        with email_kind(["a@x.example"], get_connection=lambda self: Real(alias="test")) as email_class:
            record(DocumentAction.FILED)
            assert audit_outbox.one(email_class).to == ["a@x.example"]


def returning(value):
    return lambda *_, **__: value


def raising(*_, **__):
    raise RuntimeError("broken on purpose")


BROKEN = {
    "the task": (tasks, "sweep", returning(tasks.Swept())),
    "routing": (tasks, "route_pending", returning(0)),
    "routing of one event": (routing, "route", returning(None)),
    "asking for recipients": (routing, "_recipients", returning(iter(()))),
    "writing of notifications": (routing, "_write_named", returning(None)),
    "sending": (tasks, "send_due", returning({})),
    "claiming": (sending, "claim", returning(None)),
    "what can be claimed": (claiming, "_queues", returning(iter(()))),
    "the mark of what leaves": (claiming.Claim, "mark_sending", returning([])),
    "preparing": (sending, "prepare", raising),
    "rendering": (composing, "render_bodies", raising),
    "rendering of the subject": (composing, "render_line", returning("")),
    "serialising": (compat, "serialise", raising),
    "the end of the mail": (transport, "_as_data", lambda content: content),
    "the envelope": (transport, "envelope", returning("")),
    "transmitting": (transport.SmtpTransport, "send", raising),
    "the first recipient": (transport.EmailMessage, "recipients", returning([])),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_it_fails_where_the_worker_is_broken(change, audit_outbox, monkeypatch, broken):
    monkeypatch.setattr(*BROKEN[broken])
    change()
    assert "but none was sent\n" in failure_of(audit_outbox.one)


def test_it_fails_where_what_became_of_a_mail_is_not_written_down(change, audit_outbox, monkeypatch):
    monkeypatch.setattr(sending, "_settle", returning(True))
    change()
    assert audit_outbox.one().message.status == "sending"
    audit_outbox.advance(timedelta(hours=1))
    audit_outbox.all()
    assert "but 2 were sent\n" in failure_of(audit_outbox.one)


@pytest.mark.parametrize("at", ["mail", "rcpt", "data", "end"])
def test_it_fails_where_the_transport_does_not_read_the_reply(change, audit_outbox, monkeypatch, at):
    monkeypatch.setattr(transport.SmtpTransport, "_expect", returning(None))
    audit_outbox.smtp_fails(550, at=at)
    change()
    text = failure_of(audit_outbox.assert_not_sent, because="failed")
    assert text.partition("\n")[0] in {
        "no mail, but another was sent: not because of 'failed'",
        "expected no mail, but one was sent",
    }
