"""lint_emails(): what is wrong with a mail is said by its rule, with the mend."""

import textwrap

import pytest
from django.test import SimpleTestCase, override_settings
from django.utils import translation

from notifyaudit import AuditEmail
from notifyaudit.registry import emails
from notifyaudit.testing import EmailLintMixin, Linter, lint_emails
from notifyaudit.testing.lint import RULES
from tests.integration.shop import EMAILS
from tests.integration.test_emails import templates
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Folder

pytestmark = pytest.mark.django_db
pytest_plugins = ["pytester"]

LINT = "from notifyaudit.testing import lint_emails\n"
NOT_DEFINED = "is not defined; give it in get_context_data()"
LINK = '<a href="{{ unsubscribe_url }}">Stop</a>'
HEAD = '<head><meta name="viewport" content="width=device-width"><title>Filed</title></head>'
GOOD = f'<html lang="en">{HEAD}<body><p>Hello {{{{ recipient }}}}</p>{LINK}</body></html>'


def saying(words):
    return GOOD.replace("Hello", words)


def previewed(cls):
    return cls.sample()


@pytest.fixture
def lint(settings, tmp_path):
    """The complaints about a class with this HTML, in English."""

    def lint(html=GOOD, *, engine="django", language="en", linter=None, **attributes):
        files = {"t.html": html, "t.txt": attributes.pop("txt", "Hello")}
        templates(settings, tmp_path, engine, files, app_dirs=attributes.pop("app_dirs", False))
        defaults = {
            "actions": [DocumentAction.FILED],
            "subject": "Filed",
            "template_name": "t.html",
            "preview": classmethod(previewed),
        }
        with emails.isolated():
            email_class = type(
                "FiledEmail", (AuditEmail,), {**defaults, **attributes, "__module__": __name__}
            )
            return [str(problem) for problem in (linter or Linter()).problems(email_class, language)]

    return lint


def test_a_good_mail_has_no_problems(lint):
    assert lint() == []


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("", "empty: "),
        (saying("Hello {{ nmae }}"), f"undefined: nmae in t.html:1 {NOT_DEFINED}"),
        (
            saying("Hello {% for x in nothing %}{% endfor %}{{ event.nmae.first }}"),
            f"undefined: event.nmae.first in t.html:1 {NOT_DEFINED}",
        ),
        (
            saying("{% verbatim %}{{ name }}{% endverbatim %}"),
            "syntax: its text part shows a template unrendered: '{{ name }}",
        ),
        (saying('<a href="ftp://x.example/">Open</a>'), "link: 'ftp://x.example/' of <a> leads nowhere from"),
        (saying('<a href="">Open</a>'), "link: '' of <a> leads nowhere from a mail"),
        (saying('<a href="https:///x">Open</a>'), "link: 'https:///x' of <a> leads nowhere from a mail"),
        (saying('<a href="#top">Open</a>'), "link: #top leads to no element of the mail"),
        (saying('<img src="file:///logo.png" alt="">'), "link: 'file:///logo.png' of <img> leads nowhere"),
        (
            saying('<img src="https://x.example/l.png">'),
            'alt: <img src="https://x.example/l.png"> has no alt; alt="" if it only decorates',
        ),
        (GOOD.replace(' lang="en"', ""), 'lang: no <html lang="en">: a screen reader must guess'),
        (GOOD.replace('"en"', '"fr"'), "lang: <html lang=\"fr\">, but the mail is in 'en'"),
        ("{% if %}", "template: TemplateSyntaxError"),
    ],
)
def test_what_is_wrong_with_the_html_is_said(lint, html, problem):
    assert any(found.startswith(problem) for found in lint(html)), lint(html)


LAYOUT = '{% extends "notifyaudit/email.html" %}'


def test_what_is_wrong_with_the_layout_is_said(lint):
    [problem] = lint(GOOD.replace("<title>Filed</title>", ""))
    assert problem.startswith("title: it has no <title>")
    assert lint(GOOD.replace("<title>Filed</title>", ""), linter=Linter(ignore={"title"})) == []


@pytest.mark.parametrize(("engine", "language"), [("django", "ar"), ("jinja2", "de")])
def test_the_shipped_layout_has_no_problems(lint, engine, language):
    assert lint(LAYOUT, engine=engine, language=language, app_dirs=True) == []


def test_an_engine_that_does_not_find_the_layout_is_named_with_the_mend(lint):
    [problem] = lint(LAYOUT, engine="jinja2")
    assert "t.html uses notifyaudit/email.html, which the engine 'jinja2' does not find." in problem
    assert (
        'Set its APP_DIRS to True in TEMPLATES, or add jinja2.PackageLoader("notifyaudit", "jinja2")'
        in problem
    )


@pytest.mark.parametrize(
    "html",
    [
        GOOD.replace(
            "Hello", '{{ nmae|default:"x" }}{{ nmae|default_if_none:"x"|upper }}{% firstof nmae "y" %}'
        ),
        saying("{% if nmae %}x{% endif %}{% for x in nmae %}{{ x }}{% endfor %}"),
        GOOD.replace(
            "Hello", '<a href="mailto:a@x.example">Write</a> <a href="#end">Down</a><i id="end"></i>'
        ),
        GOOD.replace('"en"', '"en-GB"'),
        saying("I &lt;3 Fish &lt;Dock&gt;"),
        saying('<a href="/x/">Open</a><img src="logo.png" alt="" width="9">'),
    ],
)
def test_what_is_right_is_not_complained_of(lint, html):
    assert lint(html) == []


@pytest.mark.parametrize(
    ("engine", "html", "problem"),
    [
        ("django", "{{ recipient|default_if_none:nmae }}", "'nmae' is undefined"),
        ("jinja2", "{{ nmae.first }}", "'nmae' is undefined"),
    ],
)
def test_an_undefined_variable_that_an_engine_refuses_is_said_likewise(lint, engine, html, problem):
    assert lint(saying(html), engine=engine) == [f"undefined: {problem}; give it in get_context_data()"]


def test_in_a_test_with_an_outbox_too(lint, audit_outbox):
    assert lint(saying("{{ nmae }}")) == [f"undefined: nmae in t.html:1 {NOT_DEFINED}"]


@pytest.mark.parametrize("engine", ["django", "jinja2"])
def test_what_a_template_includes_must_be_there(lint, engine):
    [problem] = lint(saying("{% include 'nowhere.html' %}"), engine=engine)
    assert problem.startswith("template: Template")
    assert "nowhere.html" in problem


def test_a_relative_link_leads_nowhere_if_nobody_knows_the_site(lint, settings):
    settings.NOTIFYAUDIT = {}
    [problem] = lint(saying('<a href="/x/">Open</a>').replace(LINK, ""))
    assert problem == "link: '/x/' of <a> leads nowhere from a mail: BASE_URL is not set"


def test_all_that_is_wrong_is_said_at_once(lint):
    html = '<html><p>{{ nmae }}<img src="file:///logo.png"><a href="">Open</a></p></html>'
    assert [problem.partition(":")[0] for problem in lint(html, subject="x" * 80)] == [
        "subject", "link", "link", "alt", "lang", "title", "viewport", "width", "unsubscribe", "unsubscribe",
        "undefined",
    ]  # fmt: skip


def test_jinja2_is_looked_at_likewise(lint):
    assert lint(GOOD, engine="jinja2") == []
    assert lint(saying("{{ nmae }} {{ event.nmae }}"), engine="jinja2") == [
        f"undefined: nmae in t.html:1 {NOT_DEFINED}",
        f"undefined: AuditEvent.nmae in t.html:1 {NOT_DEFINED}",
    ]
    assert lint(saying("{{ nmae|default('x') }}{% if nmae %}{% endif %}"), engine="jinja2") == []


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        (
            {"preview": classmethod(lambda cls: None)},
            "preview: it has none; write preview(), which returns cls.sample(",
        ),
        ({"preview": classmethod(lambda cls: 1 / 0)}, "preview: preview() raised ZeroDivisionError"),
        (
            {"get_context_data": lambda self: 1 / 0},
            "preview: its preview cannot be rendered: ZeroDivisionError",
        ),
        ({"template_name": "nowhere.html"}, "template: TemplateDoesNotExist: nowhere.html"),
        (
            {"preview": classmethod(lambda cls: cls)},
            "preview: preview() returned <class 'tests.integration.test_lint.FiledEmail'>; write preview()",
        ),
        ({"subject": "{{ nmae }}"}, f"undefined: nmae in subject:1 {NOT_DEFINED}"),
        ({"subject": "{{ nmae }}"}, "subject: it is empty"),
        ({"subject": ""}, "subject: it is empty"),
        ({"template_name": None}, "template: it has no template_name"),
        (
            {"cc_email_list": ["nobody"]},
            "preview: its preview cannot be rendered: EmailServiceConfigError",
        ),
        ({"get_subject": lambda self: "x" * 79}, "subject: it is too long to be read in a list"),
        (
            {"get_subject": lambda self: "{{ target }} filed"},
            "syntax: its subject shows a template unrendered: '{{ target }} filed'",
        ),
        ({"template_txt_name": "t.txt", "txt": ""}, "empty: "),
        (
            {"template_txt_name": "t.txt", "txt": "A <b>bold</b> word"},
            "text: its text part has a tag: 'A <b>bold</b> word'",
        ),
        (
            {"template_txt_name": "t.txt", "txt": "Hello {{ nmae }}"},
            "undefined: nmae in t.txt:1 is not defined",
        ),
    ],
)
def test_what_is_wrong_with_the_class_is_said(lint, attributes, problem):
    found = lint(**attributes)
    assert any(each.startswith(problem) for each in found), found


@pytest.mark.parametrize(
    ("attributes", "problems"),
    [
        ({"get_headers": lambda self: {"X Own": "1"}}, ["header: The header 'X Own': a name is printable"]),
        ({"attachment_list": [{"filename": "a.txt", "file": b"x"}]}, []),
        ({"attachment_list": [{"filename": "a.txt", "file": b""}]}, ["attachment: 'a.txt' is empty"]),
        ({"attachment_list": [{"filename": "plan", "file": b"x"}]}, ["attachment: 'plan' has no ending"]),
        (
            {"attachment_list": [{"filename": "a.bin", "file": lambda: bytes(16 << 20)}]},
            ["attachment: the mail has 21 MB: many servers refuse it above 20 MB; link to the file"],
        ),
        (
            {"attachment_list": [{"cid": "logo", "filename": "a.png", "file": b"x"}]},
            ["image: the image with the cid 'logo' is shown nowhere"],
        ),
        (
            {"html": saying('<img src="cid:logo" alt="" width="9">')},
            ["image: cid:logo is shown, but no attachment has this cid"],
        ),
        (
            {
                "html": saying('<img src="cid:logo" alt="" width="9">'),
                "attachment_list": [{"cid": "logo", "filename": "a.png", "file": b"x"}],
            },
            [],
        ),
        ({"attachment_list": [7]}, ["preview: its preview cannot be rendered: EmailServiceAttachmentError"]),
    ],
)
def test_what_is_wrong_with_headers_files_and_images_is_said(lint, attributes, problems):
    found = lint(**attributes)
    assert len(found) == len(problems), found
    assert all(map(str.startswith, found, problems)), found


def test_a_preview_that_writes_is_complained_of(lint):
    def writing(cls):
        Folder.objects.create(name="A folder of a preview")
        return cls.sample()

    (problem,) = lint(preview=classmethod(writing))
    assert problem.startswith("preview: it writes to the database, and must not: INSERT INTO")


def test_a_missing_base_url_is_named_as_the_cause(lint, settings):
    settings.NOTIFYAUDIT = {}
    (problem,) = lint(saying('<a href="{{ base_url }}/x/">Open</a>').replace(LINK, ""))
    assert problem == "link: '/x/' of <a> leads nowhere from a mail: BASE_URL is not set"


def test_rules_can_be_left_out_and_limits_set(lint):
    assert lint(GOOD.replace(' lang="en"', ""), linter=Linter(ignore={"lang"})) == []
    assert len(lint(subject="Quite long", linter=Linter(max_subject=5))) == 1
    with pytest.raises(ValueError, match="no rule 'bogus'; known are preview, template, undefined"):
        Linter(ignore={"bogus"})


def test_each_language_is_rendered_whatever_the_class_says(lint):
    html = '{% load i18n %}{% get_current_language as code %}<html lang="{{ code }}"><p>Hello</p></html>'
    html = html.replace("</p>", f"</p>{LINK}").replace("<p>", f"{HEAD}<p>")
    assert lint(html, language="de", get_translation=lambda self: "fr") == []
    assert translation.get_language() == "en-gb"


@pytest.mark.parametrize(
    ("html", "txt", "parts"),
    [
        (GOOD, None, []),
        (GOOD.replace(LINK, ""), None, ["html part", "text part"]),
        (GOOD, "Hello", ["text part"]),
        (GOOD.replace(LINK, "{{ unsubscribe_url }}"), "Hello {{ unsubscribe_url }}", ["html part"]),
    ],
)
def test_both_parts_have_a_link_to_unsubscribe(lint, html, txt, parts):
    text = {"template_txt_name": "t.txt", "txt": txt} if txt else {}
    assert lint(html, **text) == [
        f"unsubscribe: its {part} has no link to {{{{ unsubscribe_url }}}}" for part in parts
    ]


def test_where_nobody_can_unsubscribe_no_link_is_asked_for(lint, settings):
    assert lint(GOOD.replace(LINK, ""), mandatory=True) == []
    settings.ROOT_URLCONF = "example_site.inspections.urls"
    assert lint(GOOD.replace(LINK, "")) == []


class TestCases:
    def test_are_the_classes_of_the_project_in_its_language(self):
        cases = Linter().cases()
        assert {language for _, language in cases} == {"en-gb"}
        names = {email_class.__name__ for email_class, _ in cases}
        assert "InspectionCompletedEmail" in names
        assert "DocumentChangedEmail" not in names

    @pytest.mark.parametrize(
        ("changed", "languages"),
        [({}, {"en", "pt-br"}), ({"USE_I18N": False, "LANGUAGE_CODE": "de"}, {"de"})],
    )
    def test_are_those_in_the_languages_of_the_project(self, changed, languages):
        with override_settings(LANGUAGES=[("en", "English"), ("pt-br", "Brazil")], **changed):
            assert {language for _, language in Linter().cases()} == languages

    def test_can_be_named(self):
        (email_class, _), *_ = Linter().cases()
        assert Linter(classes=[email_class], languages=["de", "fr"]).cases() == [
            (email_class, "de"),
            (email_class, "fr"),
        ]


def test_pytest_gets_an_item_for_each_class_and_language():
    test = lint_emails(languages=["en", "de"])
    (parametrized,) = [mark for mark in test.pytestmark if mark.name == "parametrize"]
    ids = [case.id for case in parametrized.args[1]]
    assert "inspections.InspectionCompletedEmail-de" in ids
    assert len(ids) == 2 * len(Linter().cases())


class TestInAProject:
    PREVIEW = """
        @classmethod
        def preview(cls):
            return cls.sample(target=Order(pk=1))
    """

    LOCAL = (
        "{% load i18n %}{% get_current_language as code %}"
        f'<html lang="{{{{ code }}}}">{HEAD}<p>Order {{{{ target.pk }}}} is paid.</p></html>'
    )
    ENGLISH = f'<html lang="en">{HEAD}<p>Order {{{{ target.key }}}} is paid.</p></html>'

    COMPLAINT = [
        "shop.emails.OrderPaidEmail in 'de':",
        "  lang: <html lang=\"en\">, but the mail is in 'de'",
        f"  undefined: target.key in paid.html:1 {NOT_DEFINED}",
    ]

    @pytest.fixture
    def mails(self, shop):
        """A function that gives the project's mail a preview, and this template."""

        def mails(html):
            preview = textwrap.dedent(self.PREVIEW)
            emails = EMAILS.replace("import OrderAction", "import Order, OrderAction")
            (shop / "shop/emails.py").write_text(textwrap.dedent(emails) + textwrap.indent(preview, "    "))
            settings = shop / "settings.py"
            settings.write_text(
                settings.read_text().replace('"<p>Order {{ target.pk }} is paid.</p>"', repr(html))
            )

        return mails

    def test_pytest_has_an_item_for_each_class_and_language(self, mails, run_pytest):
        mails(self.LOCAL)
        result = run_pytest("test_mails = lint_emails(languages=['en', 'de'])", "-vv", head=LINT)
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(
            [
                "test_shop.py::test_mails[[]shop.OrderPaidEmail-en[]] PASSED*",
                "test_shop.py::test_mails[[]shop.OrderPaidEmail-de[]] PASSED*",
            ]
        )

    def test_pytest_says_all_that_is_wrong_and_no_traceback(self, mails, run_pytest):
        mails(self.ENGLISH)
        result = run_pytest("test_mails = lint_emails(languages=['de'])", head=LINT)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            ["_* test_mails[[]shop.OrderPaidEmail-de[]] *_", *self.COMPLAINT], consecutive=True
        )
        result.stdout.no_fnmatch_line("*lint.py*")

    def test_a_class_without_a_preview_is_told_how_to_write_one(self, run_pytest):
        result = run_pytest("test_mails = lint_emails()", head=LINT)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            ["  preview: it has none; write preview(), which returns cls.sample(target=…, …)"]
        )

    CASES = """
        from notifyaudit.testing import EmailLintMixin, Linter

        class EmailsTest(EmailLintMixin, TestCase):
            linter = Linter(languages=["en", "de"])
    """

    def test_djangos_runner_passes(self, mails, run_django):
        mails(self.LOCAL)
        result = run_django(self.CASES)
        assert result.ret == 0
        result.stderr.fnmatch_lines(["Ran 1 test in *", "OK"])

    def test_djangos_runner_has_a_subtest_for_each_class_and_language(self, mails, run_django):
        mails(self.ENGLISH)
        result = run_django(self.CASES)
        assert result.ret == 1
        result.stderr.fnmatch_lines(
            [
                "FAIL: test_emails * (email='shop.OrderPaidEmail', language='en')",
                "FAIL: test_emails * (email='shop.OrderPaidEmail', language='de')",
                "AssertionError: " + self.COMPLAINT[0],
                *self.COMPLAINT[1:],
                "FAILED (failures=2)",
            ]
        )


def test_a_case_without_an_email_class_is_skipped_and_not_passed():
    class EmailsTest(EmailLintMixin, SimpleTestCase):
        linter = Linter(classes=[])

    result = EmailsTest("test_emails").run()
    assert [reason for _, reason in result.skipped] == ["there is no email class"]


def test_the_rules_are_all_in_use():
    assert set(RULES) == {
        "preview", "template", "undefined", "empty", "subject", "syntax", "link", "alt", "lang", "text",
        "unsubscribe", "title", "viewport", "dir", "role", "width", "style", "size",
        "header", "attachment", "image",
    }  # fmt: skip
