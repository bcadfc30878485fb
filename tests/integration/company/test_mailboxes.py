"""Django's outbox, pytest-django's mailoutbox, and pony-express's own service for tests."""

import re

import django
import pytest
from django.core import mail
from django.test import override_settings
from django_pony_express.services.tests import EmailTestService

from notifyaudit import record
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db

SMTP = "django.core.mail.backends.smtp.EmailBackend"
ELSEWHERE = (
    {"MAILERS": {"default": {"BACKEND": SMTP, "OPTIONS": {"host": "192.0.2.1"}}}}
    if django.VERSION >= (6, 1)
    else {"EMAIL_BACKEND": SMTP, "EMAIL_HOST": "192.0.2.1"}
)


@pytest.fixture
def send():
    """Record what mails of this subject are about."""

    def send(subject):
        record(DocumentAction.FILED, data={"subject": subject})

    with email_kind(
        ["a@x.example"],
        subject="{{ data.subject }}",
        template_name="testapp/plain.html",
        get_cc_emails=lambda self: ["copy@x.example"],
    ):
        yield send


def by_django(subject):
    mail.send_mail(subject, "x", "from@x.example", ["b@x.example"])


def test_mailoutbox_has_all_mails_in_the_order_in_which_they_left(send, audit_outbox, mailoutbox):
    by_django("first")
    send("second")
    assert [message.subject for message in mailoutbox] == ["first"]
    audit_outbox.one(subject="second")
    by_django("third")
    send("fourth")
    audit_outbox.assert_not_sent(subject="first")
    assert [message.subject for message in mailoutbox] == ["first", "second", "third", "fourth"]
    assert mailoutbox is mail.outbox


def test_a_mail_of_the_outbox_is_a_copy_of_what_was_sent(send, audit_outbox, mailoutbox):
    send("Filed")
    email = audit_outbox.one()
    assert (mailoutbox[0].to, mailoutbox[0].body) == (email.to, email.text)
    assert "text/html" in dict(map(reversed, mailoutbox[0].alternatives))
    mailoutbox[0].subject = "changed by the test"
    email.assert_subject("Filed")


def test_emptying_one_does_not_empty_the_other(send, audit_outbox, mailoutbox):
    send("first")
    audit_outbox.one()
    mailoutbox.clear()
    audit_outbox.one(subject="first")
    send("second")
    assert len(audit_outbox.all()) == 2
    assert [message.subject for message in mailoutbox] == ["second"]


def test_pony_express_finds_the_mails_after_a_question(send, audit_outbox):
    service = EmailTestService()
    by_django("another")
    send("Filed")
    audit_outbox.one()
    found = service.filter(to="a@x.example", cc="copy@x.example", subject=re.compile("^File"))
    found.assert_one()
    found.first().assert_subject("Filed")
    found.first().assert_body_contains("by nobody")
    assert service.all().count() == 2
    service.empty()
    send("again")
    audit_outbox.one(subject="again")
    service.filter(subject="again").assert_one()
    audit_outbox.one(subject="Filed").assert_contains("by nobody")


def test_whatever_backend_is_configured_no_mail_leaves_the_test(send, audit_outbox):
    with override_settings(**ELSEWHERE):
        send("Filed")
        audit_outbox.one(subject="Filed")


def test_a_backend_that_does_not_exist_is_not_asked(send, audit_outbox):
    broken = "nowhere.EmailBackend"
    settings = (
        {"MAILERS": {"default": {"BACKEND": broken}}} if "MAILERS" in ELSEWHERE else {"EMAIL_BACKEND": broken}
    )
    with override_settings(**settings):
        send("Filed")
        audit_outbox.one(subject="Filed")
