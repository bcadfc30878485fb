from datetime import UTC, date, datetime

import pytest
from django.utils import timezone, translation
from django.utils.formats import date_format

from notifyaudit.changes import readable
from tests.testapp.models import Document

DAY = date(2026, 12, 24)
MOMENT = datetime(2026, 12, 24, 9, 30, tzinfo=UTC)


def change(name, old, new):
    return readable({name: [old, new]}, Document)[name]


def reference(name):
    return {"type": "testapp.Tag", "id": "1", "repr": name}


def test_a_change_is_the_stored_pair_and_more():
    kind = change("kind", "letter", "plan")
    assert kind == ("letter", "plan")
    assert (kind.old, kind.new) == ("letter", "plan")
    old, new = kind
    assert (old, new) == ("letter", "plan")


@pytest.mark.parametrize(
    ("name", "stored", "label"),
    [
        ("kind", "plan", "A plan"),
        ("kind", "no such choice", "no such choice"),
        ("is_public", True, "yes"),
        ("is_public", False, "no"),
        ("due_on", "2026-12-24", date_format(DAY, "DATE_FORMAT")),
        ("due_on", "not a date", "not a date"),
        ("due_on", "2026-99-99", "2026-99-99"),
        ("updated_at", "2026-12-24T09:30:00+00:00", date_format(MOMENT, "DATETIME_FORMAT")),
        ("updated_at", "2026-12-24T09:30:00", date_format(MOMENT, "DATETIME_FORMAT")),
        ("folder", reference("Inner"), "Inner"),
        ("folder", {"other": "shape"}, "other: shape"),
        ("tags", [reference("a"), reference("b")], "a, b"),
        ("tags", [], "–"),
        ("title", "", "–"),
        ("title", None, "–"),
        ("title", "2026-12-24", "2026-12-24"),
        ("price", 0, "0"),
        ("gone_field", "x", "x"),
    ],
)
def test_values_read_as_people_read_them(name, stored, label):
    assert change(name, None, stored).new_label == label
    assert change(name, stored, None).old_label == label


def test_fields_are_called_by_their_verbose_name():
    assert change("kind", 1, 2).label == "Sort of paper"
    assert change("gone_field", 1, 2).label == "Gone field"
    assert readable({"any_thing": [1, 2]}, None)["any_thing"].label == "Any thing"


def test_fields_stand_in_the_models_order_whatever_the_database_did_to_it():
    changes = {"zz": [1, 2], "tags": [[], []], "price": [1, 2], "aa": [1, 2], "title": ["A", "B"]}
    assert list(readable(changes, Document)) == ["title", "price", "tags", "aa", "zz"]


def test_dates_follow_language_and_time_zone():
    with translation.override("de"), timezone.override("Europe/Berlin"):
        label = change("updated_at", None, "2026-07-01T22:30:00+00:00").new_label
    assert label == "2. Juli 2026 00:30"


class TestForATable:
    def test_short_values_are_whole(self):
        kind = change("kind", "letter", "plan")
        assert (kind.old_clipped, kind.new_clipped, kind.is_long) == ("A letter", "A plan", False)

    def test_long_ones_are_cut_and_stand_on_two_lines(self):
        title = change("title", "x" * 300, "x" * 300 + "y")
        assert title.old_clipped == "…" + "x" * 24
        assert title.new_clipped == "…" + "x" * 24 + "y"
        assert not title.is_long
        assert change("title", "x" * 300, "y" * 300).is_long
        assert not change("title", None, "y" * 300).is_long

    def test_masked_ones_are_said_to_be_hidden(self):
        token = change("api_token", "********", "********")
        assert (token.old_label, token.new_label, token.new_clipped) == ("hidden", "hidden", "hidden")
        assert token == ("********", "********")

    def test_the_first_values_of_an_object_had_none_before(self):
        changes = readable({"title": [None, "Plan A"], "due_on": [None, "2026-12-24"]}, Document)
        assert [each.created for each in changes.values()] == [True, True]
        assert changes["title"].old_clipped == ""
        assert not change("due_on", None, "2026-12-24").created
        assert not readable({"title": [None, "Plan A"]}, None)["title"].created
