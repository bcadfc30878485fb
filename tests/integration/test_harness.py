"""audit_outbox: the real pipeline, one line an assertion, and failures that say what to do."""

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.test import TestCase

from notifyaudit import record, routing
from notifyaudit.models import AuditEvent
from notifyaudit.testing import AuditOutbox, SentEmail
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.emails import DocumentChangedEmail

pytestmark = pytest.mark.django_db


@pytest.fixture
def change(document):
    def change(**options):
        return record(
            DocumentAction.CHANGED, target=document, changes={"kind": ("letter", "plan")}, **options
        )

    return change


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
        with transaction.atomic():
            change()
            with pytest.raises(AssertionError, match=r"still has a transaction\.atomic\(\) open"):
                audit_outbox.one()
        audit_outbox.one()

    @pytest.mark.django_db(transaction=True)
    def test_what_a_transactional_test_commits(self, change, audit_outbox, user):
        with transaction.atomic():
            change()
            with pytest.raises(AssertionError, match="open"):
                audit_outbox.assert_nothing_sent()
        audit_outbox.one(to=user)

    def test_djangos_outbox_has_the_same_mails_in_order(self, change, audit_outbox, mailoutbox):
        change(data={"also": ["a@x.example", "b@x.example"]})
        sent = [email.content.to for email in audit_outbox.all()]
        assert [message.to for message in mailoutbox] == sent
        assert mailoutbox is mail.outbox

    def test_a_pipeline_that_is_broken_in_the_workers_code(self, change, audit_outbox, monkeypatch):
        monkeypatch.setattr(routing, "_write_chunk", lambda *_: None)
        change()
        with pytest.raises(AssertionError, match="none was sent"):
            audit_outbox.one()


class TestQuestions:
    def test_one_finds_by_class_and_recipient(self, change, audit_outbox, user):
        event = change(data={"also": ["a@x.example"]})
        email = audit_outbox.one(DocumentChangedEmail, to=user)
        assert isinstance(email, SentEmail)
        assert (email.recipient, email.event, email.to) == (user, event, ["owner@example.com"])
        assert email.reason == "named"
        assert audit_outbox.one(to="A@x.example").recipient is None

    def test_one_fails_for_none_and_shows_what_was_sent_instead(self, change, audit_outbox, other):
        change()
        with pytest.raises(AssertionError) as failure:
            audit_outbox.one(DocumentChangedEmail, to=other)
        assert str(failure.value) == (
            "expected one mail DocumentChangedEmail to other, but none was sent\n\n"
            "sent:\n  <DocumentChangedEmail to owner@example.com: 'Plan A was changed'>"
        )

    def test_one_fails_for_two(self, change, audit_outbox):
        change(data={"also": ["a@x.example"]})
        with pytest.raises(AssertionError, match="expected one mail, but 2 were sent"):
            audit_outbox.one()

    def test_a_failure_says_why_somebody_was_not_told(self, change, audit_outbox, user):
        change(actor=user)
        with pytest.raises(
            AssertionError, match=r"DocumentChangedEmail to owner: actor \(did it themselves\)"
        ):
            audit_outbox.one(to=user)

    def test_a_failure_shows_the_error_of_the_email_class(self, audit_outbox, user):
        with email_kind([user], template_name="nowhere.html"):
            record(DocumentAction.FILED)
            with pytest.raises(
                AssertionError, match=r"test\.kind to owner: failed: TemplateDoesNotExist: nowhere"
            ):
                audit_outbox.one(to=user)

    def test_not_sent_knows_why(self, change, audit_outbox, user, other):
        change(actor=user)
        audit_outbox.assert_not_sent(to=user, because="actor")
        audit_outbox.assert_not_sent(to=other, because="not_asked")
        with pytest.raises(AssertionError, match="because of 'actor', not 'not_asked'"):
            audit_outbox.assert_not_sent(to=user, because="not_asked")

    def test_not_sent_knows_the_reasons_that_there_are(self, audit_outbox):
        with pytest.raises(ValueError, match="'bogus' is no reason; known are actor, deleted, failed"):
            audit_outbox.assert_not_sent(because="bogus")

    def test_not_sent_fails_for_a_mail_that_was_sent(self, change, audit_outbox, user):
        change()
        with pytest.raises(
            AssertionError, match="expected no mail DocumentChangedEmail to owner, but one was sent"
        ):
            audit_outbox.assert_not_sent(DocumentChangedEmail, to=user)

    @pytest.mark.parametrize(
        "trouble",
        [{"template_name": "nowhere.html"}, {"recipients": lambda event: 1 / 0}],
        ids=["mail", "class"],
    )
    def test_a_failure_is_no_silence(self, audit_outbox, trouble):
        with email_kind(trouble.pop("recipients", ["a@x.example"]), **trouble):
            record(DocumentAction.FILED)
            for question in (
                lambda: audit_outbox.assert_not_sent(to="a@x.example"),
                audit_outbox.assert_nothing_sent,
                audit_outbox.assert_no_more,
            ):
                with pytest.raises(AssertionError, match="failed"):
                    question()
            audit_outbox.assert_not_sent(to="a@x.example", because="failed")

    def test_nothing_sent_fails_for_any_mail_and_lists_it(self, change, audit_outbox):
        change()
        with pytest.raises(AssertionError, match="expected no mail at all\n\nsent:\n  <DocumentChangedEmail"):
            audit_outbox.assert_nothing_sent()

    def test_nothing_sent_does_not_mind_mail_of_others(self, audit_outbox):
        mail.send_mail("Not ours", "x", "a@x.example", ["b@x.example"])
        audit_outbox.assert_nothing_sent()

    def test_no_more_fails_for_what_nobody_asked_for(self, change, audit_outbox, user):
        change(data={"also": ["a@x.example"]})
        audit_outbox.one(to=user)
        with pytest.raises(AssertionError, match=r"one was sent that the test did not ask for.*a@x\.example"):
            audit_outbox.assert_no_more()
        audit_outbox.one(to="a@x.example")
        audit_outbox.assert_no_more()


class TestOneEmail:
    @pytest.fixture
    def email(self, change, audit_outbox, user):
        change()
        return audit_outbox.one(to=user)

    def test_its_subject(self, email):
        email.assert_subject("Plan A was changed")
        with pytest.raises(AssertionError, match="expected: Plan B\n  but is:   Plan A was changed"):
            email.assert_subject("Plan B")

    def test_its_content_in_both_parts_however_escaped_or_wrapped(self, email):
        email.assert_contains("Plan A & its changes", "A letter → A plan")
        with pytest.raises(
            AssertionError, match=r"'A drawing' is not in its text and html part(.|\n)*\| - Sort of"
        ):
            email.assert_contains("A drawing")

    def test_its_content_that_is_in_one_part_only(self, email):
        email.content.body = "something else"
        with pytest.raises(AssertionError, match="'A letter' is not in its text part"):
            email.assert_contains("A letter")

    def test_what_it_must_not_say(self, email):
        email.assert_not_contains("internal note")
        for said in ("A plan", "<b>changes", "was changed"):
            with pytest.raises(AssertionError, match="is in its"):
                email.assert_not_contains(said)

    def test_its_links(self, email, document):
        email.assert_link(f"/documents/{document.pk}/")
        email.assert_link(f"https://site.example/documents/{document.pk}/")
        with pytest.raises(
            AssertionError, match=r"no link to /other/; it links to\n  https://site\.example/documents"
        ):
            email.assert_link("/other/")

    def test_its_headers(self, email):
        email.assert_header("auto-submitted", "auto-generated")
        with pytest.raises(AssertionError, match="header X-None is None, not 'x'"):
            email.assert_header("X-None", "x")


def test_nothing_is_sent_when_a_class_brings_its_own_connection(audit_outbox):
    class Real(BaseEmailBackend):
        def send_messages(self, email_messages):
            raise AssertionError("a mail left the test")

    with email_kind(["a@x.example"], get_connection=lambda self: Real(alias="test")) as email_class:
        record(DocumentAction.FILED)
        assert audit_outbox.one(email_class).to == ["a@x.example"]


class TestInUnittest(TestCase):
    def test_it_works_in_a_test_case_too(self):
        outbox = AuditOutbox()
        with email_kind(["a@x.example"]) as email_class:
            record(DocumentAction.FILED)
            outbox.one(email_class, to="a@x.example")


@pytest.mark.parametrize("number", [1, 2])
def test_no_state_leaks_from_one_test_into_the_next(number, change, audit_outbox):
    assert AuditEvent.objects.count() == 0
    assert mail.outbox == []
    change()
    assert len(audit_outbox.all()) == 1
