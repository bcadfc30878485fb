"""What an email class makes of an event: subject, both parts, headers, in one engine or the other."""

from contextlib import suppress

import pytest
from django.template import TemplateDoesNotExist, engines
from django.utils import translation
from django_pony_express.errors import EmailServiceConfigError

from notifyaudit import AuditEmail, record, thread_id
from notifyaudit.emails import AuditEmail as Home
from notifyaudit.exceptions import ConfigurationError, EmptyMail
from notifyaudit.registry import emails
from notifyaudit.threads import thread_id_of
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.emails import DocumentChangedEmail

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(audit_outbox, document):
    """A function that records a change of the document and returns the one mail about it."""

    def send(to="a@x.example", **attributes):
        with email_kind([to], actions=[DocumentAction.CHANGED], **attributes) as email_class:
            record(DocumentAction.CHANGED, target=document, changes={"kind": ("letter", "plan")},
                   data={"note": "Tom & Jerry <3"})  # fmt: skip
            return audit_outbox.one(email_class)

    return send


class TestSubject:
    def test_is_a_one_line_template_that_is_never_escaped(self, sent, document):
        document.title = "Tom & Jerry's <plan>"
        document.save()
        assert sent(subject="{{ target }} was changed").subject == "Tom & Jerry's <plan> was changed"

    def test_has_no_line_breaks_whatever_values_hold(self, sent, document):
        document.title = "A\r\nBcc: victim@x.example"
        document.save()
        assert sent(subject="{{ target }}\n was changed").subject == "A Bcc: victim@x.example was changed"

    def test_has_no_line_breaks_that_an_override_returns(self, sent):
        returned = "A\r\nBcc: victim@x.example"
        assert sent(get_subject=lambda self: returned).subject == "A Bcc: victim@x.example"

    def test_has_the_prefix_of_pony_express(self, sent):
        assert sent(SUBJECT_PREFIX="Site").subject == "Site - Filed"

    def test_that_an_override_returns_is_not_compiled(self, sent):
        assert sent(get_subject=lambda self: "{{ event.pk }} {% now %}").subject == "{{ event.pk }} {% now %}"

    def test_that_a_property_returns_is_not_compiled(self, sent):
        subject = property(lambda self: "{{ typed by somebody }}")
        assert sent(subject=subject).subject == "{{ typed by somebody }}"

    def test_that_is_set_on_the_instance_is_not_compiled(self, sent):
        def __init__(self, *args, **kwargs):
            super(self.__class__, self).__init__(*args, **kwargs)
            self.subject = "{{ typed by somebody }}"

        assert sent(__init__=__init__).subject == "{{ typed by somebody }}"


class TestParts:
    def test_html_is_escaped_and_the_derived_text_is_not(self, sent):
        email = sent()
        assert "Tom &amp; Jerry &lt;3" in email.html_source
        assert "Tom & Jerry <3" in email.text

    def test_a_text_template_is_never_escaped_in_django(self, sent, tmp_path, settings):
        templates(settings, tmp_path, "django", {"t.txt": "{{ data.note }} {{ changes.kind.new_label }}"})
        assert sent(template_txt_name="t.txt").text == "Tom & Jerry <3 A plan"

    @pytest.mark.parametrize("name", ["t.txt", "t.html", "t.jinja"])
    def test_a_text_template_is_never_escaped_in_jinja2_whatever_its_ending(
        self, sent, tmp_path, settings, name
    ):
        templates(settings, tmp_path, "jinja2", {name: "{{ data.note }} {{ changes.kind.new_label }}"})
        assert sent(template_txt_name=name).text == "Tom & Jerry <3 A plan"

    def test_a_jinja2_html_template_is_escaped(self, sent, tmp_path, settings):
        templates(settings, tmp_path, "jinja2", {"t.html": "<p>{{ data.note }} {{ changes.kind.old }}</p>"})
        assert sent(template_name="t.html").html_source == "<p>Tom &amp; Jerry &lt;3 letter</p>"

    def test_the_context_has_what_the_docs_say(self, sent, document, user):
        names = ["event", "events", "actor", "target", "changes", "data", "recipient", "reason", "base_url"]
        names += ["unsubscribe_url", "preferences_url", "layout"]
        context = {}
        sent(to=user, get_context_data=lambda self: context.update(Home.get_context_data(self)) or context)
        assert set(names) == set(context)
        assert context["target"] == document
        assert context["recipient"] == user
        assert context["reason"].label
        assert context["changes"]["kind"] == ("letter", "plan")
        assert context["changes"]["kind"].label == "Sort of paper"

    def test_fields_can_be_hidden_from_a_recipient(self, sent):
        email = sent(template_name="testapp/changed.html", visible_changes=lambda self: {})
        email.assert_not_contains("A plan")


class TestLinks:
    def test_and_images_are_completed_in_both_parts(self, sent, settings, tmp_path):
        html = '<style>p { color: red }</style><p><a href="/documents/7/">Open</a></p><img src="l.png">'
        templates(settings, tmp_path, "django", {"link.html": html})
        email = sent(template_name="link.html")
        assert '<p style="color: red;"><a href="https://site.example/documents/7/">' in email.html_source
        assert '<img src="https://site.example/l.png">' in email.html_source
        assert email.text.strip() == "Open (https://site.example/documents/7/)"


class TestHoles:
    @pytest.mark.parametrize(
        ("attributes", "hole"),
        [
            ({"template_name": "hole.html"}, "data.nmae in hole.html:1"),
            ({"template_txt_name": "hole.html"}, "data.nmae in hole.html:1"),
            ({"subject": "{{ data.nmae }} filed"}, "data.nmae in subject:1"),
        ],
    )
    def test_fail_their_mail_in_a_test(self, audit_outbox, sent, settings, tmp_path, attributes, hole):
        templates(settings, tmp_path, "django", {"hole.html": "Hello {{ data.nmae }}"})
        with pytest.raises(AssertionError, match=rf"UndefinedVariable: Not defined: {hole}\."):
            sent(**attributes)

    def test_are_found_in_jinja2_too(self, audit_outbox, sent, settings, tmp_path):
        templates(settings, tmp_path, "jinja2", {"hole.html": "Hello {{ nmae }}"})
        for _ in range(2):  # also in a template that is compiled already
            with pytest.raises(AssertionError, match=r"Not defined: nmae in hole\.html:1\."):
                sent(template_name="hole.html")

    def test_do_not_keep_a_mail_from_leaving_in_production(self, document, settings, tmp_path):
        templates(settings, tmp_path, "django", {"hole.html": "Hello {{ nmae }}!"})
        with email_kind(template_name="hole.html") as email_class:
            assert email_class.sample(target=document).build().body == "Hello !\n"

    def test_that_are_all_there_is_are_no_mail(self, document, settings, tmp_path):
        templates(settings, tmp_path, "django", {"hole.html": "<p>{{ nmae }}</p>"})
        with (
            email_kind(template_name="hole.html") as email_class,
            pytest.raises(EmptyMail, match=r"'hole\.html'"),
        ):
            email_class.sample(target=document).build()

    def test_an_image_is_a_mail(self, document, settings, tmp_path):
        templates(settings, tmp_path, "django", {"hole.html": '<img src="https://x.example/a.png">'})
        with email_kind(template_name="hole.html") as email_class:
            assert email_class.sample(target=document).build().alternatives


class TestLanguage:
    def test_is_that_of_get_translation_and_the_callers_is_untouched(self, sent):
        with translation.override("fr"):
            email = sent(template_name="testapp/language.html", get_translation=lambda self: "de")
            assert translation.get_language() == "fr"
        email.assert_contains("de Montag")

    def test_is_restored_when_rendering_raises(self, document):
        with (
            email_kind(["a@x.example"], template_name="nowhere.html") as email_class,
            translation.override("fr"),
        ):
            with pytest.raises(Exception, match="nowhere"):
                email_class(["a@x.example"]).build()
            assert translation.get_language() == "fr"


class TestHeaders:
    def test_are_what_the_standards_ask_for(self, sent, document):
        email = sent()
        email.assert_header("Auto-Submitted", "auto-generated")
        email.assert_header("References", thread_id(document))
        email.assert_header("In-Reply-To", thread_id(document))
        email.assert_header("Message-ID", email.message.message_id)
        email.assert_header("X-Correlation-ID", email.event.correlation_id)
        assert email.message.message_id.endswith("@site.example>")

    def test_of_the_class_are_added_but_the_message_id_stays(self, sent):
        email = sent(
            get_headers=lambda self: {"X-Kind": "test", "Message-ID": "<other@x>", "Auto-Submitted": "no"}
        )
        email.assert_header("X-Kind", "test")
        email.assert_header("Auto-Submitted", "no")
        email.assert_header("Message-ID", email.message.message_id)

    def test_know_no_case(self, sent):
        email = sent(get_headers=lambda self: {"message-id": "<other@x>", "references": "<mine@x>"})
        names = sorted(name.lower() for name in email.headers)
        assert len(names) == len(set(names))
        email.assert_header("References", "<mine@x>")
        email.assert_header("Message-ID", email.message.message_id)

    def test_have_no_thread_on_wish(self, sent):
        assert "References" not in sent(threaded=False).headers


def test_objects_whose_keys_differ_in_case_have_threads_of_their_own():
    assert thread_id_of("app.Model", "aB") != thread_id_of("app.Model", "Ab")


class TestPonyExpress:
    def test_its_attributes_keep_their_meaning(self, sent):
        content = sent(
            FROM_EMAIL="from@x.example",
            REPLY_TO_ADDRESS="reply@x.example",
            cc_email_list=["cc@x.example"],
            bcc_email_list=["bcc@x.example"],
            attachment_list=[{"filename": "a.txt", "file": b"hello", "mimetype": "text/plain"}, __file__],
        ).content
        assert content.from_email == "from@x.example"
        assert (content.reply_to, content.cc, content.bcc) == (
            ["reply@x.example"],
            ["cc@x.example"],
            ["bcc@x.example"],
        )
        assert [attachment[0] for attachment in content.attachments] == ["a.txt", "test_emails.py"]

    def test_a_copy_may_be_addressed_by_name(self, sent):
        named = ["Boss <boss@x.example>"]
        content = sent(cc_email_list=named, bcc_email_list=named).content
        assert (content.cc, content.bcc) == (named, named)

    def test_lists_are_not_shared_between_mails(self):
        with email_kind(cc_email_list=["a@x.example"]) as email_class:
            email_class().cc_email_list.append("b@x.example")
            assert email_class().cc_email_list == ["a@x.example"]

    def test_it_works_without_an_event(self):
        email = DocumentChangedEmail("a@x.example", {"target": "Plan A", "changes": {}})
        content = email.build()
        assert (content.subject, content.to) == ("Plan A was changed", ["a@x.example"])

    @pytest.mark.parametrize("template", ["testapp/plain.html", "nowhere.html"])
    def test_what_one_mail_was_built_from_is_forgotten_after_it(self, template):
        with email_kind(subject="{{ target }}", template_name=template) as email_class:
            email = email_class("a@x.example", {"target": "Plan A"})
            with suppress(TemplateDoesNotExist):
                email.build()
            email.context_data["target"] = "Plan B"
            assert email.get_subject() == "Plan B"

    def test_process_sends_what_build_makes_and_leaves_the_language_alone(self, mailoutbox):
        with translation.override("fr"):
            assert DocumentChangedEmail("a@x.example", {"target": "Plan A", "changes": {}}).process()
            assert translation.get_language() == "fr"
        (content,) = mailoutbox
        assert content.subject == "Plan A was changed"
        assert content.extra_headers["Auto-Submitted"] == "auto-generated"

    def test_is_valid_says_what_is_wrong_each_time_anew(self):
        with email_kind(template_name=None, subject=None) as email_class:
            email = email_class(["nobody"])
            assert not email.is_valid(raise_exception=False)
            assert not email.is_valid(raise_exception=False)
            assert len(email.errors) == 3
            with pytest.raises(EmailServiceConfigError):
                email.is_valid()


class TestDefinition:
    def test_a_key_and_a_label_come_from_the_class(self):
        assert DocumentChangedEmail.key == "testapp.DocumentChangedEmail"
        assert DocumentChangedEmail.label == "Document changed"

    def test_a_class_without_actions_is_a_base(self):
        with email_kind(actions=[]) as email_class:
            assert email_class not in list(emails)

    @pytest.mark.parametrize(
        ("attributes", "message"),
        [
            ({"actions": "document.filed"}, r"FiledEmail\.actions must be a list.*'document\.filed'"),
            ({"actions": [7]}, r"FiledEmail\.actions"),
            ({"key": "x" * 191}, r"FiledEmail\.key must be a string of at most 190"),
            ({"retry": 3}, r"FiledEmail\.retry must be a RetryPolicy"),
            ({"priority": 5000}, r"FiledEmail\.priority"),
        ],
    )
    def test_a_wrong_attribute_is_refused_when_the_class_is_defined(self, attributes, message):
        with pytest.raises(ConfigurationError, match=message), email_kind(**attributes):
            pass

    def test_a_class_that_is_defined_too_early_is_refused(self, monkeypatch):
        from django.apps import apps

        monkeypatch.setattr(apps, "apps_ready", False)
        with emails.isolated(), pytest.raises(ConfigurationError, match="before Django has loaded"):
            type("EarlyEmail", (AuditEmail,), {"__module__": __name__})


def templates(settings, directory, engine, files, *, app_dirs=False):
    for name, content in files.items():
        (directory / name).write_text(content)
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
         "DIRS": [directory] if engine == "django" else []},
        {"BACKEND": "django.template.backends.jinja2.Jinja2", "APP_DIRS": app_dirs,
         "DIRS": [directory] if engine == "jinja2" else []},
    ]  # fmt: skip
    assert engines.all()
