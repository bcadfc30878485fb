"""A site that is not the real one writes to those alone it may write to, and old news to nobody."""

from datetime import timedelta

import pytest

from notifyaudit import record
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.models import Message, Notification
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(audit_outbox, settings):
    """The mails of an event that names these, under these settings."""

    def told(*recipients, notifyaudit=(), **attributes):
        settings.NOTIFYAUDIT = {"BASE_URL": "https://site.example", **dict(notifyaudit)}
        with email_kind(recipients, **attributes):
            record(DocumentAction.FILED)
            return audit_outbox.all()

    return told


class TestAllowedRecipients:
    ALLOWED = {"ALLOWED_RECIPIENTS": ["boss@x.example", "*@our.example"]}

    def test_only_they_are_told(self, told, audit_outbox, user):
        user.email = "someone@our.example"
        user.save()
        mails = told("Boss@x.example", "a@x.example", "a@sub.our.example", user, notifyaudit=self.ALLOWED)
        assert [email.to for email in mails] == [["Boss@x.example"], ["someone@our.example"]]
        with email_kind():
            audit_outbox.assert_not_sent(to="a@x.example", because="not_allowed")
            audit_outbox.assert_not_sent(to="a@sub.our.example", because="not_allowed")
        assert Message.objects.filter(status="cancelled").count() == 2

    def test_copies_to_others_are_left_out(self, told):
        copies = ["x@x.example", "One <one@our.example>"]
        (email,) = told(
            "boss@x.example", notifyaudit=self.ALLOWED, cc_email_list=copies, bcc_email_list=copies
        )
        assert (email.content.cc, email.content.bcc) == ([copies[1]], [copies[1]])

    def test_without_the_setting_everybody_is(self, told):
        assert len(told("a@x.example", "b@y.example")) == 2

    def test_what_is_neither_address_nor_pattern_is_refused(self, told):
        with pytest.raises(ConfigurationError, match=r"holds addresses.*not 'our\.example'"):
            told("a@x.example", notifyaudit={"ALLOWED_RECIPIENTS": ["our.example"]})


class TestRedirection:
    def test_sends_all_mails_to_one_and_says_whose_they_are(self, told, user):
        mails = told(
            user,
            "a@x.example",
            notifyaudit={"REDIRECT_ALL_TO": "dev@our.example", "ALLOWED_RECIPIENTS": ["nobody@x.example"]},
            cc_email_list=["cc@x.example"],
            bcc_email_list=["bcc@x.example"],
        )
        assert [email.content.recipients() for email in mails] == [["dev@our.example"]] * 2
        mails[0].assert_header("X-Original-To", "owner@example.com, cc@x.example, bcc@x.example")
        assert [email.recipient for email in mails] == [user, None]

    def test_to_what_is_no_address_is_refused(self, told):
        with pytest.raises(ConfigurationError, match=r"REDIRECT_ALL_TO'\]: 'nobody' is not an address"):
            told("a@x.example", notifyaudit={"REDIRECT_ALL_TO": "nobody"})


class TestExpiry:
    @pytest.mark.parametrize(("late", "is_sent"), [(timedelta(0), True), (timedelta(minutes=1), False)])
    def test_of_a_mail_that_is_late(self, audit_outbox, late, is_sent):
        # The first attempt fails, and the next is a minute later.
        policy = {"expires": timedelta(minutes=1, seconds=30)}
        with email_kind(["a@x.example"], **policy):
            audit_outbox.smtp_fails()
            record(DocumentAction.FILED)
            assert audit_outbox.all() == []
            audit_outbox.advance(timedelta(minutes=1, seconds=10) + late)
            assert bool(audit_outbox.all()) == is_sent
            if not is_sent:
                assert Notification.objects.get().skip_reason == "expired"
                assert Message.objects.get().status == "cancelled"

    def test_of_nothing_without_a_term(self, audit_outbox):
        with email_kind(["a@x.example"]):
            audit_outbox.smtp_fails()
            record(DocumentAction.FILED)
            audit_outbox.advance(timedelta(days=1000))
            audit_outbox.one()

    @pytest.mark.parametrize("term", [5, timedelta(0), "1 day"])
    def test_a_term_is_a_timedelta(self, term):
        with pytest.raises(ConfigurationError, match=r"expires must be a timedelta above zero, or None"):
            email_kind(expires=term).__enter__()
