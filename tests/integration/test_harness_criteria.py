"""Which mails a question is about: each criterion met and not met, and what is refused."""

import re
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from notifyaudit import AuditEmail, record
from notifyaudit.models import AuditEvent, Message, Reason
from tests.integration.failures import failure_of
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.emails import DocumentChangedEmail
from tests.testapp.models import Document, Folder, Ticket, UrgentDocument

pytestmark = pytest.mark.django_db


def attachments(self):
    return [
        {"filename": "report.pdf", "file": b"%PDF-1.7", "mimetype": "application/pdf"},
        {"filename": "Grüße.txt", "file": "Grüße\naus Wien\n", "mimetype": "text/plain"},
    ]


@pytest.fixture
def sent(audit_outbox, document, user):
    """One mail with everything that can be asked."""
    with email_kind(
        [user],
        actions=[DocumentAction.CHANGED],
        subject="{{ target }} was filed",
        template_name="testapp/changed.html",
        get_attachments=attachments,
        get_headers=lambda self: {"X-Priority": "1", "content-language": "de-AT"},
        name="FiledEmail",
    ) as email_class:
        DocumentChangedEmail.actions, before = (), DocumentChangedEmail.actions
        try:
            record(DocumentAction.CHANGED, target=document, changes={"kind": ("letter", "plan")})
            yield audit_outbox.one(email_class)
        finally:
            DocumentChangedEmail.actions = before


MET = {
    "to": [
        "owner@example.com",
        "Owner@Example.COM",
        re.compile(r"@example\.com$"),
        lambda user: user.is_active,
    ],
    "action": [
        DocumentAction.CHANGED,
        "document.*",
        re.compile("changed$"),
        lambda action: action == "document.changed",
    ],
    "target": [lambda target: target.title == "Plan A"],
    "event": [lambda event: event.changes["kind"] == ["letter", "plan"]],
    "reason": [Reason.NAMED, "named", lambda reason: reason is Reason.NAMED],
    "due": [lambda due: due <= datetime.now(UTC)],
    "subject": [
        "Plan A was filed",
        gettext_lazy("Plan A was filed"),
        re.compile("^Plan [AB] was"),
        lambda subject: subject.endswith("filed"),
    ],
    "text": [
        "Plan A & its changes:",
        "A letter  →\nA plan",
        re.compile(r"^- Sort", re.MULTILINE),
        lambda text: text.count("\n") > 2,
    ],
    "html": [
        "Plan A & its changes:",
        'href="https://site.example/documents/',
        "<b>changes</b>",
        re.compile("Plan A & its changes"),
        re.compile("Plan A &amp; its <b>"),
        lambda html: html.find("ul") is not None,
    ],
    "selector": [
        "ul > li",
        ("b", "changes"),
        ("li", "A letter → A plan"),
        ("li", re.compile("plan$")),
        ("li", lambda text: text.startswith("Sort")),
        lambda html: len(html.select("li")) == 1,
    ],
    "link": [re.compile(r"/documents/\d+/$"), lambda url: url.startswith("https://site.example/")],
    "header": [
        {"X-Priority": 1},
        {"x-priority": "1", "Subject": "Plan A was filed"},
        {"X-Priority": re.compile(r"^\d$"), "From": lambda value: "@" in value},
        lambda headers: "References" in headers,
    ],
    "attachment": [
        "report.pdf",
        "Grüße.txt",
        ("report.pdf", "application/pdf"),
        re.compile(r"\.pdf$"),
        lambda file: file.content.startswith(b"%PDF"),
    ],
    "language": ["de-AT", "de-at", re.compile("^de"), lambda language: language[:2] == "de"],
}

NOT_MET = {
    "to": ["a@x.example", re.compile("^owner$"), lambda user: user.is_superuser],
    "action": [DocumentAction.FILED, "*.filed", re.compile("filed"), lambda action: False],
    "target": [lambda target: target.title == "Plan B"],
    "event": [lambda event: event.actor is not None],
    "reason": [lambda reason: reason != "named"],
    "due": [datetime(2020, 1, 1, tzinfo=UTC), lambda due: due > datetime.now(UTC)],
    "subject": ["Plan A", re.compile("^was"), lambda subject: len(subject) > 78],
    "text": ["<b>", "Plan B", re.compile(r"^Sort"), lambda text: "<" in text],
    "html": ["Plan B", re.compile("Plan B"), lambda html: html.find("table") is not None],
    "selector": ["table", ("b", "letter"), ("li", re.compile("^plan")), lambda html: html.select("h1")],
    "link": ["/documents/", "https://other.example/", re.compile("^http:"), lambda url: "utm" in url],
    "header": [{"X-None": "1"}, {"X-Priority": "2"}, {"X-Priority": "1", "Subject": "x"}, lambda headers: 0],
    "attachment": [
        "report.txt",
        ("report.pdf", "text/plain"),
        re.compile("^pdf"),
        lambda file: len(file.content) > 99,
    ],
    "language": ["en", "de", re.compile("^en"), lambda language: not language],
}


def cases(table):
    return [
        pytest.param(name, value, id=f"{name}-{number}")
        for name, values in table.items()
        for number, value in enumerate(values)
    ]


@pytest.mark.parametrize(("name", "value"), cases(MET))
def test_met(sent, audit_outbox, name, value):
    assert audit_outbox.all(**{name: value}) == [sent]


@pytest.mark.parametrize(("name", "value"), cases(NOT_MET))
def test_not_met(sent, audit_outbox, name, value):
    assert audit_outbox.all(**{name: value}) == []


class TestByWhatIsInTheDatabase:
    def test_a_user_also_a_lazy_one(self, sent, audit_outbox, user, other):
        assert audit_outbox.all(to=user) == audit_outbox.all(to=SimpleLazyObject(lambda: user)) == [sent]
        assert audit_outbox.all(to=other) == []

    def test_a_user_who_is_gone(self, sent, audit_outbox, user):
        key = user.pk
        user.delete()
        assert audit_outbox.all(to=get_user_model()(pk=key)) == [sent]

    def test_an_object_of_another_kind_is_not_taken_for_the_user_with_its_key(self, audit_outbox, user):
        folder = Folder.objects.create(pk=user.pk, name="no user")
        assert failure_of(audit_outbox.all, to=folder, error=TypeError) == (
            "all() takes as to a user or an address, a compiled pattern, or a predicate; "
            "not <Folder: no user>."
        )

    def test_an_event(self, sent, audit_outbox):
        assert audit_outbox.all(event=sent.event) == [sent]
        assert audit_outbox.all(event=record(DocumentAction.FILED)) == []

    def test_a_target_also_as_its_proxy_but_not_as_another_model(self, sent, audit_outbox, document):
        assert audit_outbox.all(target=document) == [sent]
        assert audit_outbox.all(target=UrgentDocument.objects.get(pk=document.pk)) == [sent]
        assert audit_outbox.all(target=Ticket.objects.create()) == []
        assert audit_outbox.all(target=Folder(pk=document.pk)) == []

    def test_a_target_that_is_gone_by_its_key(self, audit_outbox, document, user):
        with email_kind([user], actions=[DocumentAction.REMOVED]):
            record(DocumentAction.REMOVED, target=document, snapshot=True)
            key = document.pk
            document.delete()
            email = audit_outbox.one(target=Document(pk=key))
            assert audit_outbox.one(target=lambda target: target.title == "Plan A") == email
            assert failure_of(audit_outbox.one, target=document, error=ValueError) == (
                "one() got target=<Document: Plan A>, which has no row: it is not saved, or its delete() has "
                "taken its key. Keep the key before, and ask for Document(pk=key)."
            )

    def test_a_moment(self, sent, audit_outbox):
        assert audit_outbox.all(due=Message.objects.get().due_at) == [sent]

    def test_a_link_by_its_path_or_as_a_whole(self, sent, audit_outbox, document):
        path = f"/documents/{document.pk}/"
        assert audit_outbox.all(link=path) == audit_outbox.all(link=f"https://site.example{path}") == [sent]
        assert audit_outbox.all(link=f"https://other.example{path}") == []

    def test_all_that_are_given_must_hold(self, sent, audit_outbox, user, other):
        assert audit_outbox.all(to=user, subject="Plan A was filed", language="de-AT") == [sent]
        assert audit_outbox.all(to=user, subject="Plan B was filed") == []
        assert audit_outbox.all(to=other, subject="Plan A was filed") == []


class TestByClass:
    def test_a_class_stands_for_its_subclasses(self, sent, audit_outbox):
        assert audit_outbox.all(AuditEmail) == [sent]
        assert audit_outbox.all(sent.email_class) == [sent]
        assert audit_outbox.all(DocumentChangedEmail) == []

    def test_a_predicate_of_the_mail(self, sent, audit_outbox):
        assert audit_outbox.all(lambda email: email.subject.startswith("Plan")) == [sent]
        assert audit_outbox.all(lambda email: email.attachments == []) == []

    @pytest.mark.parametrize(
        ("email_class", "text"),
        [
            (
                "FiledEmail",
                "one() takes an email class or a predicate first, not 'FiledEmail'.",
            ),
            (Document, "one() got Document, which is no AuditEmail."),
        ],
    )
    def test_what_is_none_is_refused(self, audit_outbox, email_class, text):
        assert failure_of(audit_outbox.one, email_class, error=TypeError) == text

    def test_an_instance_is_refused(self, audit_outbox):
        text = failure_of(audit_outbox.one, DocumentChangedEmail(), error=TypeError)
        assert text.startswith("one() takes an email class or a predicate first, not <")


class TestRefused:
    """A slip is not an answer: least of all one to "was it not sent?"."""

    @pytest.mark.parametrize("name", MET)
    def test_none_and_nothing(self, audit_outbox, name):
        for value in (None, "", (), {}):
            assert failure_of(audit_outbox.assert_not_sent, error=ValueError, **{name: value}) == (
                f"assert_not_sent() got {name}={value!r}; leave it out to ask about any."
            )

    @pytest.mark.parametrize("name", MET)
    def test_a_class_as_value(self, audit_outbox, name):
        text = failure_of(audit_outbox.assert_not_sent, error=TypeError, **{name: Document})
        assert text.startswith(f"assert_not_sent() takes as {name} ")
        assert text.endswith(", or a predicate; not <class 'tests.testapp.models.Document'>.")

    @pytest.mark.parametrize("name", ["event", "target", "reason", "due", "selector", "header"])
    def test_a_pattern_of_what_is_no_text(self, audit_outbox, name):
        text = failure_of(audit_outbox.assert_not_sent, error=TypeError, **{name: re.compile("x")})
        assert text.startswith(f"assert_not_sent() takes as {name} ")
        assert text.endswith(", or a predicate; not re.compile('x').")

    @pytest.mark.parametrize(
        ("name", "value", "takes"),
        [
            ("to", 5, "a user or an address, a compiled pattern"),
            ("to", ["a@x.example"], "a user or an address, a compiled pattern"),
            ("event", 5, "an AuditEvent"),
            ("action", 5, "an action, or a pattern like 'inspection.*', a compiled pattern"),
            ("target", "Plan A", "a model instance"),
            ("reason", "nmaed", "a Reason (named, watching, subscribed, member)"),
            ("due", "2026-01-01", "a datetime"),
            ("selector", ("a", "b", "c"), "a CSS selector, or a pair of one and a text"),
            ("link", 5, "a URL or a path, a compiled pattern"),
            ("header", "References", '{"Name": value}'),
            ("header", {"References": None}, '{"Name": value}'),
            ("attachment", 5, "a file name, or a pair of one and a type, a compiled pattern"),
            ("language", 5, "the code of a language, a compiled pattern"),
        ],
    )
    def test_a_value_of_the_wrong_type(self, audit_outbox, name, value, takes):
        assert failure_of(audit_outbox.one, error=TypeError, **{name: value}) == (
            f"one() takes as {name} {takes}, or a predicate; not {value!r}."
        )

    def test_a_name_that_is_none(self, audit_outbox):
        assert failure_of(audit_outbox.one, error=TypeError, subjct="x") == (
            "one() knows no 'subjct'; did you mean 'subject'?"
        )
        assert failure_of(audit_outbox.all, error=TypeError, because="actor") == (
            "all() knows no 'because'; known are to, event, action, target, reason, due, subject, text, "
            "html, selector, link, header, attachment, language."
        )

    def test_an_action_that_is_declared_nowhere(self, audit_outbox):
        assert failure_of(audit_outbox.assert_not_sent, error=ValueError, action="document.change") == (
            "assert_not_sent() got the action 'document.change', which no Action class declares; "
            "did you mean 'document.changed'?"
        )
        assert failure_of(audit_outbox.assert_not_sent, error=ValueError, action="xyz.*") == (
            "assert_not_sent() got the action 'xyz.*', which no Action class declares."
        )

    def test_a_moment_without_a_time_zone(self, audit_outbox):
        naive = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the slip
        assert failure_of(audit_outbox.one, error=ValueError, due=naive) == (
            "one() got due=datetime.datetime(2026, 1, 1, 0, 0), which has no time zone: "
            "no mail could be due then."
        )

    def test_a_selector_that_is_none(self, audit_outbox):
        assert failure_of(audit_outbox.one, error=ValueError, selector="a[") == (
            "one() got 'a[', which is no CSS selector: Malformed attribute selector at position 1"
        )

    def test_a_user_who_is_not_saved(self, audit_outbox):
        text = failure_of(audit_outbox.one, error=ValueError, to=get_user_model()(username="new"))
        assert text.startswith("one() got to=<User: new>, which has no row: it is not saved, or its")

    def test_an_event_that_is_not_saved(self, audit_outbox):
        text = failure_of(audit_outbox.one, error=ValueError, event=AuditEvent(action="document.filed"))
        assert text.startswith("one() got event=<AuditEvent: document.filed>, which has no row: ")


class TestHowItIsToldOf:
    @pytest.mark.parametrize(
        ("criteria", "told"),
        [
            ({"to": re.compile("@x")}, "mail to /@x/"),
            ({"to": Mock(__name__="is_vip", return_value=False)}, "mail to one that satisfies is_vip"),
            (
                {"to": lambda user: False},
                "mail to one that satisfies the lambda of test_harness_",
            ),
            ({"subject": "A", "language": "fr"}, "mail with subject A, language fr"),
            ({"selector": ("h1", "A b")}, "mail with selector h1 and 'A b'"),
            ({"header": {"X-A": "b", "X-C": re.compile("d")}}, "mail with header X-A: b, X-C: /d/"),
            ({"target": Document(pk=5, title="Plan C")}, "mail with target Plan C"),
            (
                {"due": datetime(2026, 1, 1, tzinfo=UTC)},
                "mail with due 2026-01-01 00:00:00+00:00",
            ),
        ],
    )
    def test_in_a_sentence(self, audit_outbox, criteria, told):
        first = failure_of(audit_outbox.one, **criteria).partition("\n")[0]
        assert first.startswith(f"expected one {told}")

    def test_a_mock_is_a_predicate(self, sent, audit_outbox):
        asked = Mock(return_value=True)
        assert audit_outbox.all(subject=asked) == [sent]
        asked.assert_called_once_with("Plan A was filed")

    @pytest.mark.parametrize(
        ("criteria", "told"),
        [
            ({"text": "Plan B"}, ["its text has no 'Plan B'", "  | Plan A & its changes:"]),
            ({"text": re.compile("B$")}, ["its text has no /B$/", "  | Plan A & its changes:"]),
            ({"html": "Plan B"}, ["its html has no 'Plan B'", "  | Plan A & its changes:"]),
            ({"selector": "h1"}, ["its html has no element h1"]),
            (
                {"selector": ("li", "A drawing")},
                [
                    "no element li of its html has the text 'A drawing'; there is",
                    "  Sort of paper: A letter → A plan",
                ],
            ),
            ({"selector": lambda html: False}, ["its selector is not one that satisfies the lambda of"]),
            (
                {"header": {"X-Priority": "2", "X-None": "1"}},
                ["its header X-Priority is 1", "it has no header X-None"],
            ),
            ({"header": lambda headers: 0}, ["its header is not one that satisfies"]),
            (
                {"attachment": "report.txt"},
                ["its attachment is report.pdf (application/pdf, 8 bytes), Grüße.txt (text/plain, 19 bytes)"],
            ),
            ({"language": "fr"}, ["its language is de-AT"]),
            ({"link": "/x/"}, ["its link is https://site.example/documents/"]),
            ({"action": DocumentAction.FILED}, ["its action is document.changed"]),
            ({"due": lambda due: False}, ["its due is 20"]),
            ({"event": lambda event: False}, ["its event is document.changed Plan A"]),
            ({"target": lambda target: False}, ["its target is Plan A"]),
            ({"subject": re.compile("B")}, ["its subject is 'Plan A was filed'"]),
        ],
        ids=str,
    )
    def test_the_nearest_mail(self, sent, audit_outbox, criteria, told):
        text = failure_of(audit_outbox.one, **criteria)
        block = text.split("\n\n")[1].splitlines()
        assert block[0] == "nearest: <FiledEmail to owner@example.com: 'Plan A was filed'>, but"
        assert len(block) >= len(told) + 1
        for line, beginning in zip(block[1:], told, strict=False):
            assert line.startswith(f"  {beginning}")


def test_the_html_of_others_is_not_parsed(change, audit_outbox):
    change(data={"also": [f"a{number}@x.example" for number in range(5)]})
    asked = []
    audit_outbox.one(DocumentChangedEmail, html=lambda html: not asked.append(html), to="a3@x.example")
    assert len(asked) == 1


def test_a_question_makes_as_many_queries_about_one_mail_as_about_ten(audit_outbox, user, document):
    def queries_of_a_question():
        audit_outbox.all()
        with CaptureQueriesContext(connection) as queries:
            found = audit_outbox.all(
                DocumentChangedEmail,
                to=lambda user: user,
                target=lambda target: target.title == "Plan A",
                reason=Reason.NAMED,
                text="Plan",
                selector="a",
            )
            audit_outbox.assert_not_sent(to=user, because="actor")
            audit_outbox.recorded(actor=lambda actor: actor == user, target=lambda target: target)
        return len(found), len(queries)

    def change():
        record(DocumentAction.CHANGED, target=document, actor=user, data={"also": ["a@x.example"]})

    change()
    number, queries = queries_of_a_question()
    assert number == 1
    for _ in range(9):
        change()
    assert queries_of_a_question() == (10, queries)
