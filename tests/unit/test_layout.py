"""The words of the base layout, and the layout itself: the same from both engines."""

import re
from copy import copy

import jinja2
import pytest
from bs4 import BeautifulSoup
from django.template.backends.django import DjangoTemplates
from django.template.backends.jinja2 import Jinja2
from django.utils import translation

from notifyaudit import AuditEmail, DigestEmail
from notifyaudit.htmltext import html_to_text
from notifyaudit.layout import Layout
from notifyaudit.models import Reason
from notifyaudit.testing.lint_layout import MAX_HTML
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Folder

LTR, RTL = "en", "he"
LONG = "The fire door does not close since its hinge was painted over. " * 4


@pytest.fixture
def document():
    return Document(pk=7, title="Plan A", folder=Folder(pk=3, name="Tower 7"))


def mail(document, **options):
    options = {"changes": {"kind": ("letter", "plan")}, **options}
    return AuditEmail.sample(DocumentAction.FILED, target=document, **options)


class TestBecause:
    @pytest.mark.parametrize("reason", [Reason.NAMED, Reason.SUBSCRIBED, Reason.MEMBER, Reason.WATCHING])
    def test_it_is_the_reason_as_a_sentence(self, document, reason):
        assert Layout(mail(document, reason=reason)).because == f"You get this mail because {reason.label}."

    def test_what_the_reader_watches_is_named(self, document):
        email = mail(document, reason=Reason.WATCHING)
        email.watched = ("testapp.Document", "7")
        assert Layout(email).because == "You get this mail because you watch Plan A."

    def test_so_is_what_the_object_belongs_to(self, document):
        email = mail(document, reason=Reason.WATCHING)
        email.watched = ("testapp.Folder", "3")
        assert Layout(email).because == "You get this mail because you watch Tower 7."

    def test_an_object_that_the_event_does_not_name_is_not_invented(self, document):
        email = mail(document, reason=Reason.WATCHING)
        email.watched = ("testapp.Folder", "4")
        assert Layout(email).because == "You get this mail because you watch it."

    def test_mail_that_nobody_can_stop_says_so(self, document):
        email = mail(document)
        email.mandatory = True
        assert Layout(email).because == "You get this mail because it concerns you; it cannot be turned off."

    def test_a_digest_speaks_of_many_events(self, document):
        digest = DigestEmail.sample(DocumentAction.FILED, target=document, reason=Reason.WATCHING)
        digest.watched = ("testapp.Document", "7")
        assert Layout(digest).because.startswith("You get this digest because what it tells of concerns you")

    def test_a_mail_without_an_event_has_none(self):
        assert Layout(AuditEmail()).because == ""


def test_the_direction_is_that_of_the_language(document):
    layout = Layout(mail(document))
    for language, expected in {
        "pt-br": ("pt-br", "ltr", "left", "right", "→"),
        "ar": ("ar", "rtl", "right", "left", "\u200f←\u200f"),
    }.items():
        with translation.override(language):
            found = (layout.language, layout.direction, layout.start, layout.end, layout.arrow)
            assert found == expected
    with translation.override(None, deactivate=True):
        assert layout.direction in {"ltr", "rtl"}
        assert layout.language


def test_the_site_is_called_by_its_host(document, settings):
    settings.NOTIFYAUDIT = {"BASE_URL": "https://www.inspections.example:8000/site"}
    assert Layout(mail(document)).site == "inspections.example"
    settings.NOTIFYAUDIT = {"BASE_URL": ""}
    assert Layout(mail(document)).site == ""


def test_it_names_what_happened_to_what(document, settings):
    settings.NOTIFYAUDIT = {"BASE_URL": "https://site.example"}
    layout = Layout(mail(document))
    assert (layout.title, layout.happened) == ("Plan A", DocumentAction.FILED.label)
    empty = Layout(AuditEmail())
    assert (empty.title, empty.happened) == ("site.example", "site.example")


# Rendered


CASES = {
    "changed": {
        "changes": {"kind": ("letter", "plan"), "title": (LONG, LONG + "<b>"), "api_token": ("a", "b")}
    },
    "created": {"changes": {"kind": (None, "plan"), "title": (None, "Plan A")}},
    "nothing": {"changes": {}},
    "a form of 300 fields": {"changes": {f"field_{i}": (LONG * 3, f"{LONG}{i}") for i in range(300)}},
}


PARAMS = {"NAME": "plain", "DIRS": [], "APP_DIRS": True, "OPTIONS": {}}
ENGINES = {"django": DjangoTemplates(dict(PARAMS)), "jinja2": Jinja2(dict(PARAMS))}
STRICT = Jinja2({**PARAMS, "OPTIONS": {"undefined": jinja2.StrictUndefined}})


def rendered(engine, context, source='{% extends "notifyaudit/email.html" %}'):
    html = ENGINES[engine].from_string(source).render(dict(context))
    # Of these both are right, and no reader sees which it is.
    return "\n".join(line for line in html.replace("&#x27;", "&#39;").split("\n") if line)


@pytest.mark.parametrize("language", [LTR, RTL])
@pytest.mark.parametrize("case", CASES)
def test_both_engines_make_the_same(document, language, case):
    with translation.override(language):
        context = mail(document, **CASES[case]).get_context_data()
        html = rendered("django", context)
        assert html == rendered("jinja2", context)
    assert html.startswith(
        f'<!DOCTYPE html>\n<html lang="{language}" dir="{"ltr" if language == LTR else "rtl"}"'
    )
    assert f"You get this mail because {Reason.NAMED.label}." in html


@pytest.mark.parametrize("engine", ["django", "jinja2"])
def test_each_block_can_be_overridden(document, engine):
    context = mail(document).get_context_data()
    blocks = ["title", "preheader", "logo", "colours", "heading", "content", "buttons", "why", "unsubscribe"]
    own = "".join(f"{{% block {name} %}}my {name}{{% endblock %}}" for name in blocks)
    html = rendered(engine, context, '{% extends "notifyaudit/email.html" %}' + own)
    places = [html.index(f"my {name}") for name in sorted(blocks, key=["title", "colours"].__contains__)]
    assert len(set(places)) == len(blocks)
    assert "<title>my title</title>" in html
    assert "<h1>my heading</h1>" in html
    footer = '{% extends "notifyaudit/email.html" %}{% block footer %}my footer{% endblock %}'
    assert "because" not in rendered(engine, context, footer)


@pytest.mark.parametrize("engine", ["django", "jinja2"])
def test_a_button_needs_a_url_and_a_label(document, engine):
    include = '{% include "notifyaudit/button.html" %}'
    html = rendered(engine, {"url": "https://x.example/?a=1&b=2", "label": "<Open>"}, include)
    assert '<a class="button" href="https://x.example/?a=1&amp;b=2">&lt;Open&gt;</a>' in html


@pytest.mark.parametrize("engine", [ENGINES["django"], STRICT], ids=["django", "jinja2, strict"])
def test_a_mail_without_an_event_can_use_it(engine, settings):
    settings.NOTIFYAUDIT = {"BASE_URL": "https://site.example"}
    template = engine.from_string('{% extends "notifyaudit/email.html" %}')
    html = template.render(AuditEmail(context_data={"order": 7}).get_context_data())
    assert "<h1>site.example</h1>" in html
    assert "<p>" not in html


class TestSize:
    """Gmail cuts a mail off, its link to unsubscribe with it."""

    def test_many_fields_fit(self, document):
        email = mail(document, **CASES["a form of 300 fields"])
        email.subject, email.template_name = "Edited", "notifyaudit/email.html"
        html, _ = email.build().alternatives[0]
        assert len(html.encode()) < MAX_HTML
        page = BeautifulSoup(html, "html.parser")
        assert page.select(".rows tr")[-1].get_text(" ", strip=True) == "… + 250"
        assert len(page.select(".rows tr")) == 51
        assert len(page.select_one(".preheader").get_text()) < 1500

    @pytest.mark.parametrize(("objects", "fields"), [(50, 10), (5, 300), (60, 0)])
    def test_a_digest_fits(self, document, objects, fields):
        sample = DigestEmail.sample(DocumentAction.FILED, target=document)
        sample.events = tuple(copy(sample.event) for _ in range(objects))
        for number, event in enumerate(sample.events):
            event.pk = number + 1
            event.target_id, event.target_repr = str(number), f"{number} <文書> 文書"
            event.changes = {f"field_{field}": ["文" * 150, "書" * 150] for field in range(fields)}
        context = sample.get_context_data()
        assert context["sections"]
        assert len(context["sections"]) + context["omitted"] == context["total"] == objects
        html, _ = sample.build().alternatives[0]
        assert len(html.encode()) < MAX_HTML
        if not fields:
            assert len(context["sections"]) == DigestEmail.max_sections


def test_a_digest_is_in_its_readers_language_whoever_has_looked_at_it_before(document):
    digest = DigestEmail.sample(DocumentAction.FILED, target=document, changes={"is_public": (False, True)})
    digest.get_translation = lambda: "de"
    with translation.override("en"):
        assert digest.is_valid()
    html, _ = digest.build().alternatives[0]
    assert ">Ja</strong>" in html


class TestChanges:
    INCLUDE = '{% include "notifyaudit/changes.html" %}'

    @pytest.fixture(params=["django", "jinja2"])
    def rows(self, request, document):
        """What the cells of the table say, a row each."""

        def rows(language=LTR, **changes):
            email = mail(document, changes=changes)
            with translation.override(language):
                html = rendered(request.param, email.get_context_data(), self.INCLUDE)
            found = BeautifulSoup(html, "html.parser").select("tr")
            return [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in found]

        return rows

    def test_it_says_what_a_field_was_and_is(self, rows):
        assert rows(
            kind=("letter", "plan"), is_public=(False, True), folder=(None, Folder(pk=3, name="A"))
        ) == [
            ["Sort of paper", "A letter → A plan"],
            ["Is public", "no → yes"],
            ["Folder", "– → A"],
        ]

    def test_the_arrow_points_the_way_that_is_read(self, rows):
        (row,) = rows("he", kind=("letter", "plan"))
        assert row[1] == "A letter \u200f←\u200f A plan"

    def test_masked_values_are_said_to_be_hidden(self, rows):
        assert rows(api_token=("old secret", "new secret")) == [["Api token", "hidden → hidden"]]

    def test_what_came_into_being_was_nothing_before(self, rows):
        assert rows(title=(None, "Plan A"), kind=(None, "plan")) == [
            ["Title", "Plan A"],
            ["Sort of paper", "A plan"],
        ]

    def test_a_field_that_was_empty_was_nothing_before(self, rows):
        assert rows(due_on=(None, "2026-12-24")) == [["Due on", "– → Dec. 24, 2026"]]

    def test_long_values_are_shown_where_they_differ(self, rows):
        ((_, value),) = rows(title=(LONG + "Two.", LONG + "Three."))
        assert value == "…was painted over. Two. → …was painted over. Three."

    def test_without_changes_there_is_no_table(self, rows):
        assert rows() == []

    def test_a_row_is_named_by_its_head(self, document):
        html = rendered("django", mail(document).get_context_data(), self.INCLUDE)
        assert '<th scope="row">Sort of paper</th>' in html
        assert "presentation" not in html

    def test_the_text_part_has_a_line_for_each(self, document):
        html = rendered("django", mail(document).get_context_data(), self.INCLUDE)
        assert re.search(r"Sort of paper:? +A letter → A plan", html_to_text(html))

    def test_what_people_typed_is_no_html(self, document):
        context = mail(document, changes={"title": ("<b>", "<i>")}).get_context_data()
        for engine in ENGINES:
            html = rendered(engine, context, self.INCLUDE)
            assert "&lt;b&gt;" in html
            assert "<b>" not in html
