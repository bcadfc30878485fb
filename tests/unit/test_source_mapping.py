"""From what was seen to the project's action: which line of a mapping wins, and what is wrong in one."""

from decimal import Decimal

import pytest
from django.apps import apps
from django.db import models

from notifyaudit.identity import type_of
from notifyaudit.sources import Kind
from notifyaudit.sources.mapping import Rule, action_for, by_model
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Folder, UrgentDocument


def chosen(mapping, kind=Kind.UPDATED, changes=None, model=Document):
    rules = by_model(Rule.parse(text, action) for text, action in mapping.items())
    return action_for(rules.get(type_of(model), []), kind, changes or {})


ALL = {
    "testapp.Document.updated": "any",
    "testapp.Document.kind": "field",
    "testapp.Document.kind=plan": "value",
    "testapp.Document.created": "created",
    "testapp.Document.deleted": "deleted",
}


@pytest.mark.parametrize(
    ("kind", "changes", "action"),
    [
        (Kind.UPDATED, {"kind": ("letter", "plan"), "title": ("a", "b")}, "value"),
        (Kind.UPDATED, {"kind": ("plan", "letter"), "title": ("a", "b")}, "field"),
        (Kind.UPDATED, {"title": ("a", "b")}, "any"),
        (Kind.CREATED, {"kind": (None, "plan")}, "created"),
        (Kind.DELETED, {"kind": ("plan", None)}, "deleted"),
    ],
)
def test_the_most_specific_line_wins_whatever_the_order(kind, changes, action):
    assert chosen(ALL, kind, changes) == action
    assert chosen(dict(reversed(ALL.items())), kind, changes) == action


def test_among_equals_the_first_line_wins():
    lines = {"testapp.Document.title": "first", "testapp.Document.kind": "second"}
    changes = {"kind": ("a", "b"), "title": ("a", "b")}
    assert chosen(lines, changes=changes) == "first"
    assert chosen(dict(reversed(lines.items())), changes=changes) == "second"


def test_a_new_row_has_reached_its_values_and_has_changed_no_field():
    assert chosen({"document.kind=plan": "value"}, Kind.CREATED, {"kind": (None, "plan")}) == "value"
    assert chosen({"document.kind": "field"}, Kind.CREATED, {"kind": (None, "plan")}) is None
    assert chosen({"document.updated": "any"}, Kind.CREATED, {"kind": (None, "plan")}) is None


def test_what_is_deleted_has_reached_no_value():
    assert chosen({"document.kind=plan": "value"}, Kind.DELETED, {"kind": (None, "plan")}) is None


def test_what_no_line_names_is_nothing():
    assert chosen(ALL, changes={"title": ("a", "b")}, model=Folder) is None
    assert chosen({}, changes={"title": ("a", "b")}) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plan", Document.Kind.PLAN),
        ("7", 7),
        ("7.50", Decimal("7.50")),
        ("true", True),
        ("True", True),
        ("null", None),
        ("7", {"type": "testapp.Folder", "id": "7", "repr": "Plans"}),
        ("a=b.c", "a=b.c"),
        ("", ""),
    ],
)
def test_a_value_is_compared_as_text(text, value):
    assert chosen({f"testapp.Document.title={text}": "value"}, changes={"title": ("x", value)}) == "value"
    assert chosen({f"testapp.Document.title={text}1": "value"}, changes={"title": ("x", value)}) is None


def test_a_proxy_is_the_model_whose_table_it_shows():
    assert chosen({"UrgentDocument.updated": "any"}, changes={"title": ("a", "b")}) == "any"
    assert chosen({"Document.updated": "any"}, changes={"title": ("a", "b")}, model=UrgentDocument) == "any"


def problems(text, action=DocumentAction.CHANGED):
    return " ".join(Rule.parse(text, action).problems())


@pytest.mark.parametrize("what", ["created", "updated", "deleted", "kind", "kind=plan", "tags", "folder=7"])
@pytest.mark.parametrize("model", ["testapp.Document", "testapp.document", "document", "Document"])
def test_what_there_is_has_no_problems(model, what):
    assert problems(f"{model}.{what}") == ""


def test_a_problem_names_the_culprit_and_the_nearest_that_there_is():
    assert "there is no model 'testapp.Documnt'. Did you mean 'testapp.Document'?" in problems(
        "testapp.Documnt.updated"
    )
    assert "there is no model ''. Write 'app.Model.updated'" in problems("updated")
    assert "testapp.Document has no field 'kid'. Did you mean 'kind'?" in problems("document.kid=plan")
    assert "Did you mean 'updated'?" in problems("document.update")
    assert "'updated' takes no value" in problems("document.updated=1")
    assert "'document.changd'" in problems("document.updated", "document.changd")
    assert "Did you mean 'document.changed'?" in problems("document.updated", "document.changd")


@pytest.fixture
def second_document():
    class Document(models.Model):
        class Meta:
            app_label = "sessions"

    yield Document
    del apps.all_models["sessions"]["document"]
    apps.clear_cache()


@pytest.mark.usefixtures("second_document")
def test_a_name_that_two_apps_have_is_refused():
    assert "may mean sessions.Document or testapp.Document. Name the app too." in problems("document.kind")
    assert problems("testapp.document.kind") == ""
    assert chosen({"document.updated": "any"}, changes={"title": ("a", "b")}) is None
