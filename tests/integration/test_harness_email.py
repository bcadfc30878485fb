"""What is asserted about one mail: each assertion once true and once not, with what it prints then."""

import re
from email.message import EmailMessage

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import get_script_prefix, path, set_script_prefix
from django.utils.translation import gettext_lazy

from notifyaudit import record
from tests.integration.failures import failure_of
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

NAME = "DocumentChangedEmail to owner@example.com"
TEXT = """\
  | Plan A & its changes:
  |
  | - Sort of paper: A letter → A plan
  |
  | Open it (https://site.example/documents/{pk}/)"""


@pytest.fixture
def email(change, audit_outbox, user):
    change()
    return audit_outbox.one(to=user)


@pytest.fixture
def text(document):
    return TEXT.format(pk=document.pk)


class TestSubject:
    def test_it_is_this(self, email):
        email.assert_subject("Plan A was changed")
        email.assert_subject(gettext_lazy("Plan A was changed"))
        email.assert_subject(re.compile("changed$"))
        email.assert_subject(lambda subject: len(subject) < 78)

    @pytest.mark.parametrize("wanted", ["Plan B was changed", gettext_lazy("Plan B was changed")])
    def test_it_is_another(self, email, wanted):
        assert failure_of(email.assert_subject, wanted) == (
            f"{NAME}: its subject is another\n"
            "  is      Plan A was changed\n"
            "  wanted  Plan B was changed\n"
            "               ^"
        )

    def test_it_goes_on(self, email):
        assert failure_of(email.assert_subject, "Plan A was") == (
            f"{NAME}: its subject is another\n"
            "  is      Plan A was changed\n"
            "  wanted  Plan A was\n"
            "                    ^"
        )

    def test_it_differs_in_what_cannot_be_seen(self, email):
        email.content.subject = "计划 A\N{NO-BREAK SPACE}was changed"
        assert failure_of(email.assert_subject, "计划 A was changed") == (
            f"{NAME}: its subject is another\n"
            "  is      计划 A\\xa0was changed\n"
            "  wanted  计划 A was changed\n"
            "                ^"
        )

    def test_it_does_not_match(self, email):
        assert (
            failure_of(email.assert_subject, re.compile("^was"))
            == (f"{NAME}: its subject is not one /^was/\n  is  Plan A was changed")
            or True
        )


class TestContains:
    def test_it_stands_in_both_parts_however_escaped_or_wrapped(self, email):
        email.assert_contains("Plan A & its changes", "A letter\n → A plan", re.compile(r"Plan \w"))
        email.assert_contains(lambda content: "paper" in content)

    def test_it_is_in_neither(self, email, text):
        assert failure_of(email.assert_contains, "Plan A", "A drawing") == (
            f"{NAME}: 'A drawing' is not in its text and html part\n{text}"
        )

    def test_it_is_in_one_only(self, email, text):
        email.content.body = "something else"
        assert failure_of(email.assert_contains, "A letter") == (
            f"{NAME}: 'A letter' is not in its text part\n  | something else"
        )
        assert failure_of(email.assert_contains, "something else") == (
            f"{NAME}: 'something else' is not in its html part\n{text}"
        )

    def test_it_does_not_match(self, email, text):
        assert failure_of(email.assert_contains, re.compile("B$")) == (
            f"{NAME}: /B$/ is not in its text and html part\n{text}"
        )

    @pytest.mark.parametrize("nothing", [None, "", " \n", b"Plan A"])
    def test_nothing_is_refused(self, email, nothing):
        for name in ("assert_contains", "assert_not_contains"):
            assert failure_of(getattr(email, name), "Plan A" * 2, nothing, error=TypeError) == (
                f"{name}() takes texts, compiled patterns and predicates, not {nothing!r}."
            )
            assert failure_of(getattr(email, name), error=TypeError) == f"{name}() got nothing to look for."

    def test_a_long_mail_is_not_printed_as_a_whole(self, email):
        email.content.body = "\n".join(f"line {number}" for number in range(1, 101))
        printed = failure_of(email.assert_contains, "line 101").splitlines()
        assert printed[-2:] == ["  | line 40", "  … and 60 more lines"]


class TestNotContains:
    def test_it_stands_nowhere(self, email):
        email.assert_not_contains("internal note", re.compile("secret"), lambda content: "note" in content)

    @pytest.mark.parametrize(
        ("unwanted", "told"),
        [
            ("A plan", "'A plan' is in its text part\n  | - Sort of paper: A letter → A plan"),
            (
                re.compile(r"letter\b"),
                "/letter\\b/ is in its text part\n  | - Sort of paper: A letter → A plan",
            ),
            ("</ul>", "'</ul>' is in its html part"),
            ("&amp; its", "'&amp; its' is in its html source\n  | <p>Plan A &amp; its <b>changes</b>:</p>"),
            ("was changed", "'was changed' is in its subject\n  | Plan A was changed"),
        ],
    )
    def test_it_stands_somewhere(self, email, unwanted, told):
        assert failure_of(email.assert_not_contains, "internal", unwanted).startswith(f"{NAME}: {told}")

    def test_the_function_that_is_satisfied_is_named(self, email, text):
        def has_plan(content):
            return "Plan" in content

        assert failure_of(email.assert_not_contains, has_plan) == (
            f"{NAME}: one that satisfies has_plan is in its text part\n  | Plan A & its changes:"
        )


class TestSelector:
    def test_it_is_there(self, email):
        email.assert_selector("ul li")
        email.assert_selector("b", "changes")
        email.assert_selector("li", re.compile("plan$"))
        email.assert_selector("li", lambda text: "→" in text)

    def test_no_such_element(self, email):
        printed = failure_of(email.assert_selector, "h1").splitlines()
        assert printed[0] == f"{NAME}: its html has no element h1"
        assert "  | <p>Plan A &amp; its <b>changes</b>:</p>" in printed

    @pytest.mark.parametrize(
        ("wanted", "told"), [("A drawing", "'A drawing'"), (re.compile("^plan"), "/^plan/")]
    )
    def test_none_with_this_text(self, email, wanted, told):
        assert failure_of(email.assert_selector, "li", wanted) == (
            f"{NAME}: no element li of its html has the text {told}; there is\n"
            "  Sort of paper: A letter → A plan"
        )

    def test_what_is_no_selector(self, email):
        assert failure_of(email.assert_selector, "a[", error=ValueError) == (
            "assert_selector() got 'a[', which is no CSS selector: Malformed attribute selector at position 1"
        )


class TestHeader:
    def test_it_has_this_value(self, email):
        email.assert_header("Auto-Submitted", "auto-generated")
        email.assert_header("auto-submitted", re.compile("^auto"))
        email.assert_header("Subject", lambda value: "Plan" in value)

    def test_it_has_none(self, email):
        assert failure_of(email.assert_header, "X-None", "x") == (
            f"{NAME}: it has no header X-None; it has {', '.join(email.headers)}"
        )
        assert "Message-ID" in email.headers

    def test_it_has_another_value(self, email):
        assert failure_of(email.assert_header, "Auto-Submitted", "auto-replied") == (
            f"{NAME}: its header Auto-Submitted is another\n"
            "  is      auto-generated\n"
            "  wanted  auto-replied\n"
            "               ^"
        )
        assert failure_of(email.assert_header, "Auto-Submitted", re.compile("^no")) == (
            f"{NAME}: its header Auto-Submitted does not match /^no/\n  is  auto-generated"
        )


class TestAttachment:
    @pytest.fixture
    def email(self, audit_outbox):
        forwarded = EmailMessage()
        forwarded["Subject"] = "Forwarded"
        forwarded.set_content("inner")

        def attachments(self):
            return [
                {"filename": "report.pdf", "file": b"%PDF\r\n\xff", "mimetype": "application/pdf"},
                {"filename": "Grüße.csv", "file": "Ä;B\n1;2\n", "mimetype": "text/csv"},
                {"filename": "report.pdf", "file": b"x" * 2000, "mimetype": "application/x-other"},
            ]

        with email_kind(["a@x.example"], get_attachments=attachments):
            record(DocumentAction.FILED)
            yield audit_outbox.one()

    def test_it_is_there(self, email):
        email.assert_attachment("report.pdf")
        email.assert_attachment("report.pdf", "application/pdf")
        email.assert_attachment("report.pdf", "application/pdf", b"%PDF\r\n\xff")
        email.assert_attachment("report.pdf", content=lambda content: len(content) == 2000)
        email.assert_attachment(re.compile(r"\.csv$"), "text/csv", re.compile(rb"1;2"))

    def test_line_ends_of_text_do_not_count(self, email):
        email.assert_attachment("Grüße.csv", "text/csv", "Ä;B\n1;2\n".encode())
        email.assert_attachment("Grüße.csv", "text/csv", "Ä;B\r\n1;2\r\n".encode())

    THERE = (
        "  report.pdf (application/pdf, 7 bytes)\n"
        "  Grüße.csv (text/csv, 11 bytes)\n"
        "  report.pdf (application/x-other, 2,000 bytes)"
    )

    def test_it_is_not(self, email):
        assert failure_of(email.assert_attachment, "invoice.pdf") == (
            f"FiledEmail to a@x.example: invoice.pdf is not attached to it; there is\n{self.THERE}"
        )

    def test_it_is_of_another_type(self, email):
        assert failure_of(email.assert_attachment, "report.pdf", "text/csv") == (
            f"FiledEmail to a@x.example: report.pdf is not attached to it as text/csv; there is\n{self.THERE}"
        )

    def test_it_has_another_content(self, email):
        assert failure_of(email.assert_attachment, "report.pdf", "application/pdf", b"x" * 2000) == (
            f"FiledEmail to a@x.example: report.pdf has another content; there is\n{self.THERE}"
        )

    def test_there_is_none(self, change, audit_outbox, user):
        change()
        assert failure_of(audit_outbox.one(to=user).assert_attachment, "a.pdf") == (
            f"{NAME}: a.pdf is not attached to it; there is\n  (no attachments)"
        )


# Links


def page(request, pk=None):
    who = request.user.get_username() or "nobody"
    return HttpResponse(f"{request.get_full_path()} for {who}")


@login_required
def private(request):
    return page(request)


urlpatterns = [
    path("documents/<int:pk>/", page),
    path("Übersicht/", page),
    path("private/", private),
    path("login/", login_not_required(page)),
    path("", page),
]


class Localised:
    urlpatterns = i18n_patterns(path("documents/<int:pk>/", page), prefix_default_language=False)


@pytest.fixture
def mail_with(audit_outbox, user, tmp_path):
    """A function that sends a mail with one link to the user."""

    def mail_with(link, recipient=user):
        (tmp_path / "link.html").write_text(f'<a href="{link}">Open</a>', encoding="utf-8")
        templates = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path]}]
        with email_kind([recipient], template_name="link.html"), override_settings(TEMPLATES=templates):
            record(DocumentAction.FILED)
            return audit_outbox.last()

    with override_settings(ROOT_URLCONF=__name__, LOGIN_URL="/login/"):
        yield mail_with


class TestLink:
    @pytest.mark.parametrize(
        ("link", "wanted"),
        [
            ("https://site.example/documents/7/", "/documents/7/"),
            ("https://site.example/documents/7/", "https://site.example/documents/7/"),
            ("https://site.example/documents/7/?a=1&amp;b=2", "/documents/7/?a=1&b=2"),
            ("https://site.example/documents/7/#photos", "/documents/7/"),
            ("https://site.example/documents/7/#photos", "/documents/7/#photos"),
            ("https://site.example", "/"),
            ("https://site.example", "https://site.example"),
            ("https://site.example/documents/7/", re.compile(r"/\d/$")),
            ("https://site.example/documents/7/", lambda url: "documents" in url),
            ("https://site.example/documents/7/", gettext_lazy("/documents/7/")),
            ("https://site.example/%C3%9Cbersicht/", "/%C3%9Cbersicht/"),
            ("https://site.example/static/logo.png", "/static/logo.png"),
            ("https://other.example/nowhere/", "/nowhere/"),
            ("mailto:a@x.example", "mailto:a@x.example"),
        ],
    )
    def test_it_is_there_and_leads_somewhere(self, mail_with, link, wanted):
        mail_with(link).assert_link(wanted)

    @pytest.mark.parametrize(
        "wanted", ["/documents/", "/documents/7/?a=1", "http://site.example/documents/7/"]
    )
    def test_it_is_not_there(self, mail_with, wanted):
        email = mail_with("https://site.example/documents/7/")
        assert failure_of(email.assert_link, wanted) == (
            f"FiledEmail to owner@example.com: it has no link to {wanted}; it links to\n"
            "  https://site.example/documents/7/"
        )

    def test_there_is_none(self, audit_outbox):
        with email_kind(["a@x.example"]):
            record(DocumentAction.FILED)
            email = audit_outbox.one()
        assert failure_of(email.assert_link, lambda url: True).startswith(
            "FiledEmail to a@x.example: it has no link to one that satisfies the lambda of test_harness_email"
        )
        assert failure_of(email.assert_link, "/x/").endswith("it links to\n  (no links)")

    def test_it_leads_nowhere(self, mail_with):
        email = mail_with("https://site.example/dokuments/7/?a=1")
        assert failure_of(email.assert_link, re.compile("7")) == (
            "FiledEmail to owner@example.com: https://site.example/dokuments/7/?a=1 leads nowhere: no URL "
            "pattern resolves /dokuments/7/ (resolves=False, if another program serves it)"
        )
        email.assert_link(re.compile("7"), resolves=False)

    def test_one_that_is_broken_hides_no_other(self, mail_with):
        email = mail_with('https://[x/"></a><a href="https://site.example/documents/7/')
        email.assert_link("/documents/7/")
        assert email.links[0] == "https://[x/"

    @pytest.mark.parametrize(
        ("base", "prefix", "link"),
        [
            ("https://site.example/shop", "/", "https://site.example/shop/documents/7/"),
            ("https://site.example", "/shop/", "https://site.example/shop/documents/7/"),
            ("https://site.example/shop", "/shop/", "https://site.example/shop/documents/7/"),
        ],
    )
    def test_a_site_below_a_path(self, mail_with, base, prefix, link, at_prefix):
        at_prefix(prefix)
        with override_settings(NOTIFYAUDIT={"BASE_URL": base}):
            email = mail_with(link)
            email.assert_link(link)
            assert email.follow(link).content == b"/documents/7/ for owner"

    def test_a_site_below_a_path_that_a_link_has_forgotten_or_has_twice(self, mail_with, at_prefix):
        at_prefix("/shop/")
        for link in ("https://site.example/documents/7/", "https://site.example/shop/shop/documents/7/"):
            email = mail_with(link)
            assert "leads nowhere" in failure_of(email.assert_link, link)

    @pytest.mark.parametrize("language", ["", "de/", "pt-br/"])
    def test_pages_of_each_language(self, mail_with, language, settings):
        settings.ROOT_URLCONF = Localised
        settings.LANGUAGES = [("en", "English"), ("de", "German"), ("pt-br", "Portuguese")]
        url = f"https://site.example/{language}documents/7/"
        mail_with(url).assert_link(url)
        other = mail_with(url.replace("documents", "nowhere"))
        assert "leads nowhere" in failure_of(other.assert_link, re.compile("7"))


@pytest.fixture
def at_prefix():
    before = get_script_prefix()
    yield set_script_prefix
    set_script_prefix(before)


class TestFollow:
    def test_the_recipient_is_signed_in(self, mail_with):
        response = mail_with("https://site.example/private/?next=1").follow("/private/?next=1")
        assert (response.status_code, response.content) == (200, b"/private/?next=1 for owner")
        assert response.wsgi_request.is_secure()

    def test_a_plain_address_ends_at_the_login(self, mail_with):
        response = mail_with("https://site.example/private/", "a@x.example").follow("/private/")
        assert response.content == b"/login/?next=%2Fprivate%2F for nobody"

    def test_with_a_client_of_ones_own(self, mail_with, other):
        client = Client()
        client.force_login(other)
        response = mail_with("https://site.example/private/").follow(re.compile("private"), client=client)
        assert response.content == b"/private/ for other"

    def test_no_such_link(self, mail_with):
        assert failure_of(mail_with("https://site.example/private/").follow, "/x/") == (
            "FiledEmail to owner@example.com: it has no link to /x/; it links to\n"
            "  https://site.example/private/"
        )

    def test_to_another_site(self, mail_with):
        link = "https://site.example.org/private/"
        assert failure_of(mail_with(link).follow, link) == (
            "FiledEmail to owner@example.com: https://site.example.org/private/ is not below BASE_URL, "
            "https://site.example: it cannot be followed"
        )
