"""A project's django-pony-express services keep working, on our base class or beside it."""

import re

import pytest
from django.core.mail.backends.dummy import EmailBackend
from django.template import TemplateSyntaxError
from django.utils import timezone, translation
from django_pony_express.errors import EmailServiceConfigError
from django_pony_express.services.base import BaseEmailService, BaseEmailServiceFactory

from notifyaudit import AuditEmail, record
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.models import Message, MessageStatus
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db

ADDRESSES = {"from_email": "from@x.example", "cc": ["cc@x.example"], "bcc": ["bcc@x.example"]}


def service(base, **attributes):
    """A service as a project has it, on this base class."""

    class NoteMail(base):
        subject = "A note"
        template_name = "testapp/plain.html"
        SUBJECT_PREFIX = "Site"
        FROM_EMAIL = "from@x.example"
        REPLY_TO_ADDRESS = "reply@x.example"
        cc_email_list = ["cc@x.example"]
        bcc_email_list = ["bcc@x.example"]

        def get_context_data(self):
            return {**super().get_context_data(), "event": {"action": "noted"}}

        def get_attachments(self):
            return [{"filename": "note.txt", "file": b"hello", "mimetype": "text/plain"}, __file__]

    return type("NoteMail", (NoteMail,), attributes)


@pytest.mark.parametrize("base", [BaseEmailService, AuditEmail])
def test_the_same_service_sends_the_same_mail_on_either_base(base, mailoutbox):
    assert service(base)("to@x.example", {"actor": "Ann", "data": {"note": "hi"}}).process()
    [content] = mailoutbox
    assert content.subject == "Site - A note"
    assert content.to == ["to@x.example"]
    assert {name: getattr(content, name) for name in ADDRESSES} == ADDRESSES
    assert content.reply_to == ["reply@x.example"]
    assert content.body.strip() == "noted by Ann: hi"
    assert [each[0] for each in content.attachments] == ["note.txt", "test_coming_from_pony_express.py"]


@pytest.mark.parametrize("base", [BaseEmailService, AuditEmail])
def test_a_factory_makes_one_mail_a_recipient(base, mailoutbox):
    class NoteFactory(BaseEmailServiceFactory):
        service_class = service(base)

        def get_context_data(self):
            return {"actor": "Ann", "data": {"note": "hi"}}

    assert NoteFactory(["a@x.example", "b@x.example"]).process() == 2
    assert [content.to for content in mailoutbox] == [["a@x.example"], ["b@x.example"]]


@pytest.mark.parametrize(
    "hooks",
    [
        {
            "get_subject": lambda self: "Site - A note",
            "get_from_email": lambda self: "from@x.example",
            "get_recipient_emails": lambda self: ["to@x.example"],
            "get_cc_emails": lambda self: ["cc@x.example"],
            "get_bcc_emails": lambda self: ["bcc@x.example"],
            "get_reply_to_emails": lambda self: ["reply@x.example"],
        }
    ],
)
def test_every_hook_is_asked(hooks):
    content = service(AuditEmail, FROM_EMAIL=None, cc_email_list=[], bcc_email_list=[], **hooks)().build()
    assert (content.subject, content.to) == ("Site - A note", ["to@x.example"])
    assert {name: getattr(content, name) for name in ADDRESSES} == ADDRESSES


def build_of(base, **attributes):
    """The mail that a service makes for the backend."""
    return service(base, **attributes)("to@x.example", {"actor": "Ann", "data": {}})._build_mail_object()


@pytest.mark.parametrize("base", [BaseEmailService, AuditEmail])
class TestWhatAServiceMayBe:
    def test_copies_may_come_from_properties(self, base):
        content = build_of(
            base,
            cc_email_list=property(lambda self: ["cc@y.example"]),
            bcc_email_list=property(lambda self: ("bcc@y.example",)),
        )
        assert (content.cc, content.bcc) == (["cc@y.example"], ["bcc@y.example"])

    def test_copies_may_be_set_before_the_base_is_initialised(self, base):
        def init(self, *args, **options):
            self.cc_email_list = ["early@y.example"]
            base.__init__(self, *args, **options)

        assert build_of(base, __init__=init).cc == ["early@y.example"]

    def test_none_is_nobody(self, base):
        content = build_of(base, cc_email_list=None, bcc_email_list=None, REPLY_TO_ADDRESS=None)
        assert (content.cc, content.bcc, content.reply_to) == ([], [], [])

    def test_its_own_error_counts_when_it_comes_before_those_of_the_base(self, base, mailoutbox):
        class Strict(service(base)):
            def is_valid(self, *, raise_exception=True):
                if "order" not in self.context_data:
                    self._errors.append("It needs an order.")
                return super().is_valid(raise_exception=raise_exception)

        strict = Strict("to@x.example", {"actor": "Ann", "data": {}})
        assert not strict.process(raise_exception=False)
        assert strict.errors == ["It needs an order."]
        with pytest.raises(EmailServiceConfigError, match=r"It needs an order\."):
            strict.process()
        assert mailoutbox == []

    def test_it_may_say_no_without_an_error(self, base, mailoutbox):
        closed = service(base, is_valid=lambda self, raise_exception=True: False)
        assert not closed("to@x.example").process()
        assert mailoutbox == []


class TestWhereItFallsShort:
    """Documented attributes and hooks that do not do there what they say."""

    def test_recipients_and_attachments_of_the_class_count(self):
        kind = service(
            AuditEmail,
            recipient_email_list=["class@x.example"],
            attachment_list=[{"filename": "class.txt", "file": b"x"}],
            get_attachments=AuditEmail.get_attachments,
        )
        content = kind().build()
        assert content.to == ["class@x.example"]
        assert [each[0] for each in content.attachments] == ["class.txt"]

    def test_the_recipient_of_the_class_may_be_one(self):
        kind = service(AuditEmail, recipient_email_list="class@x.example")
        assert kind().build().to == ["class@x.example"]

    def test_errors_begin_anew(self):
        email = service(AuditEmail)("nobody")
        assert not email.is_valid(raise_exception=False)
        assert not email.is_valid(raise_exception=False)
        assert len(email.errors) == 1
        email.recipient_email_list = ["a@x.example"]
        assert email.is_valid()
        assert not email.has_errors()

    def test_a_connection_of_the_class_counts(self):
        backend = EmailBackend()
        assert service(AuditEmail, connection=backend)().get_connection() is backend

    def test_an_own_pattern_for_addresses_counts(self):
        only_ours = re.compile(r"^[^@]+@ours\.example$")
        kind = service(AuditEmail, EMAIL_STRUCTURE_PATTERN=only_ours)
        with pytest.raises(EmailServiceConfigError, match=r"NoteMail\.EMAIL_STRUCTURE_PATTERN"):
            kind("o'brien@theirs.example").is_valid()
        assert kind("o'brien@ours.example").is_valid()

    def test_an_address_that_its_pattern_does_not_know_is_one(self):
        assert service(AuditEmail)("o'brien@x.example").is_valid()
        assert not service(AuditEmail)("a@x.example\n").is_valid(raise_exception=False)

    def test_a_missing_subject_is_missed_behind_a_prefix(self):
        assert not service(AuditEmail, subject=None)("a@x.example").is_valid(raise_exception=False)

    def test_language_and_time_of_the_caller_stay_when_rendering_raises(self):
        kind = service(AuditEmail, get_translation=lambda self: "de", template_name="testapp/broken.html")
        with translation.override("fr"), timezone.override("Asia/Kolkata"):
            with pytest.raises(TemplateSyntaxError):
                kind("a@x.example").process()
            assert translation.get_language() == "fr"
            assert timezone.get_current_timezone_name() == "Asia/Kolkata"

    def test_what_get_subject_returns_is_no_template(self):
        kind = service(AuditEmail, get_subject=lambda self: "{{ typed }} {% by somebody %}")
        assert kind("a@x.example").build().subject == "{{ typed }} {% by somebody %}"


class TestBesideItsBase:
    """An existing service tells of events without changing its base: AuditEmail stands behind it."""

    @pytest.fixture
    def noted(self, user):
        class NotedEmail(service(BaseEmailService), AuditEmail):
            actions = [DocumentAction.CHANGED]

            @classmethod
            def get_recipients(cls, event):
                return [user]

        return NotedEmail

    def test_it_tells_of_events(self, noted, audit_outbox, document, user):
        record(DocumentAction.CHANGED, target=document, data={"note": "hi"})
        email = audit_outbox.one(noted, to=user)
        email.assert_subject("Site - A note")
        email.assert_contains("noted by nobody: hi")
        email.assert_header("Auto-Submitted", "auto-generated")
        email.assert_attachment("note.txt", "text/plain", b"hello")

    def test_it_still_works_by_itself(self, noted, mailoutbox):
        assert noted("to@x.example", {"data": {"note": "hi"}}).process()
        assert mailoutbox[0].subject == "Site - A note"

    def test_what_it_calls_invalid_does_not_leave(self, user, audit_outbox, document):
        class ClosedEmail(service(BaseEmailService), AuditEmail):
            actions = [DocumentAction.CHANGED]

            @classmethod
            def get_recipients(cls, event):
                return [user]

            def is_valid(self, *, raise_exception=True):
                return False

        record(DocumentAction.CHANGED, target=document)
        assert audit_outbox.all(ClosedEmail) == []
        [message] = Message.objects.filter(email_key=ClosedEmail.key)
        assert message.status == MessageStatus.FAILED
        assert "ClosedEmail.is_valid() returned False" in message.last_error

    def test_the_other_way_round_is_refused_with_the_mend(self):
        existing = service(BaseEmailService)
        with pytest.raises(ConfigurationError, match=r"class NotedEmail\(NoteMail, AuditEmail\)"):
            type("NotedEmail", (AuditEmail, existing), {})
