"""The failing mail server: what becomes of a mail in each phase, and what no server could do."""

from datetime import timedelta

import pytest

from notifyaudit import record
from notifyaudit.models import Message, MessageStatus
from tests.integration.failures import failure_of
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db

NO = "451 no, says the test"


@pytest.mark.parametrize(
    ("at", "code", "status", "attempts", "error"),
    [
        ("connect", 451, "open", 0, "NoConnection: SMTPConnectError: (451, b'no, says the test')"),
        ("connect", 554, "open", 0, "NoConnection: SMTPConnectError: (554, b'no, says the test')"),
        ("connect", None, "open", 0, "NoConnection: SMTPServerDisconnected: Connection unexpectedly closed"),
        ("mail", 451, "open", 1, f"TryLater: {NO}"),
        ("mail", 550, "failed", 1, "Refused: 550 no, says the test"),
        ("mail", None, "open", 1, "TryLater: the connection was lost before the end of the mail: "),
        ("rcpt", 451, "open", 1, f"TryLater: {NO} for owner@example.com"),
        ("rcpt", 550, "failed", 1, "Refused: 550 no, says the test for owner@example.com"),
        ("rcpt", 421, "open", 1, "TryLater: 421 no, says the test for owner@example.com"),
        ("rcpt", None, "open", 1, "TryLater: the connection was lost before the end of the mail: "),
        ("data", 451, "open", 1, f"TryLater: {NO}"),
        ("data", 550, "failed", 1, "Refused: 550 no, says the test"),
        ("data", None, "open", 1, "TryLater: the connection was lost before the end of the mail: "),
        ("end", 451, "open", 1, f"TryLater: {NO}"),
        ("end", 550, "failed", 1, "Refused: 550 no, says the test"),
        ("end", None, "uncertain", 1, "Uncertain: no reply after the end of DATA: "),
    ],
)
def test_what_becomes_of_a_mail(change, audit_outbox, at, code, status, attempts, error):
    audit_outbox.smtp_fails(code, at=at)
    change()
    assert len(audit_outbox.all()) == (at == "end" and code is None)
    message = Message.objects.get()
    assert (message.status, message.attempts) == (status, attempts)
    assert message.last_error.startswith(error)


@pytest.mark.parametrize("at", ["connect", "mail", "rcpt", "data", "end"])
def test_once_means_once(change, audit_outbox, at):
    audit_outbox.smtp_fails(at=at)
    change()
    audit_outbox.assert_not_sent(because="waiting")
    audit_outbox.advance(timedelta(hours=1))
    audit_outbox.one()


def test_for_ever_means_until_the_policy_is_exhausted_or_it_works_again(change, audit_outbox):
    audit_outbox.smtp_fails(times=None)
    change()
    for _ in range(5):
        audit_outbox.waiting()
        audit_outbox.advance(timedelta(hours=12))
    assert Message.objects.get().status == MessageStatus.FAILED
    audit_outbox.smtp_works()
    change()
    audit_outbox.one()


def test_a_failure_for_one_address_leaves_the_others_alone(change, audit_outbox, user):
    audit_outbox.smtp_fails(550, times=None, to="Owner@Example.com")
    change(data={"also": ["a@x.example"]})
    audit_outbox.assert_not_sent(to=user, because="failed")
    audit_outbox.one(to="a@x.example")


def test_an_address_is_known_to_the_server_as_it_stands_in_the_envelope(audit_outbox):
    audit_outbox.smtp_fails(550, to="Müller <a@müller.example>")
    with email_kind(["a@müller.example"]):
        record(DocumentAction.FILED)
        audit_outbox.assert_not_sent(because="failed")


@pytest.mark.parametrize("at", ["data", "end"])
def test_a_failure_for_one_address_also_later_in_the_dialogue(change, audit_outbox, user, at):
    audit_outbox.smtp_fails(550, to="a@x.example", at=at)
    change(data={"also": ["a@x.example"]})
    audit_outbox.assert_not_sent(to="a@x.example", because="failed")
    audit_outbox.one(to=user)


def test_several_failures_happen_one_after_the_other(change, audit_outbox):
    audit_outbox.smtp_fails(451, at="mail")
    audit_outbox.smtp_fails(452, at="rcpt", times=2)
    change()
    seen = []
    for _ in range(4):
        audit_outbox.waiting()
        seen.append(Message.objects.get().last_error[:13])
        audit_outbox.advance(timedelta(hours=12))
    assert seen == ["TryLater: 451", "TryLater: 452", "TryLater: 452", ""]


def test_an_address_that_smtp_cannot_say_is_refused_as_in_production(audit_outbox):
    with email_kind(["a@x.example"], FROM_EMAIL="ö@x.example"):
        record(DocumentAction.FILED)
        audit_outbox.assert_not_sent(because="failed")
        assert Message.objects.get().last_error.startswith("InvalidHeader: The header 'From'")


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (
            {"at": "helo"},
            ValueError,
            "at='helo' is no phase of SMTP; known are connect, mail, rcpt, data, end.",
        ),
        (
            {"with_code": 250},
            ValueError,
            "with_code=250 is no failure: give 4xx, 5xx, or None to hang up.",
        ),
        ({"times": 0}, ValueError, "times=0 is never: give at least 1, or None for ever."),
        (
            {"at": "connect", "to": "a@x.example"},
            ValueError,
            "at='connect' comes before the server knows to whom; leave out to='a@x.example'.",
        ),
        ({"to": 5}, TypeError, "smtp_fails() takes an address as to, which is all a server knows; not 5."),
    ],
)
def test_what_no_server_could_do_is_refused(audit_outbox, options, error, text):
    assert failure_of(audit_outbox.smtp_fails, error=error, **options) == text
