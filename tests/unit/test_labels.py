from datetime import date
from decimal import Decimal

import pytest
from django.db import models
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.labels import readable_value

GROUPED = [("Paper", [("a4", "A4 sheet"), ("a5", "A5 sheet")]), (None, "not yet known")]
FIELDS = {
    "plain": models.CharField(),
    "grouped": models.CharField(choices=GROUPED, null=True),
    "called": models.IntegerField(choices=lambda: [(1, "first"), (2, "second")]),
    "broken": models.IntegerField(choices=lambda: 1 / 0),
    "prices": models.DecimalField(choices=[(Decimal("1.50"), "cheap")]),
    "holidays": models.DateField(choices=[(date(2026, 12, 25), "Christmas")]),
    "answer": models.BooleanField(choices=[(True, "agreed"), (False, "refused")]),
    "decimal": models.DecimalField(decimal_places=2, max_digits=9),
    "float": models.FloatField(),
    "time": models.TimeField(),
    "duration": models.DurationField(),
    "json": models.JSONField(),
}


@pytest.mark.parametrize(
    ("kind", "stored", "label"),
    [
        ("grouped", "a5", "A5 sheet"),
        ("grouped", None, "not yet known"),
        ("grouped", "", "not yet known"),
        ("grouped", "b1", "b1"),
        ("called", 2, "second"),
        ("called", None, "–"),
        ("broken", 1, "1"),
        ("prices", "1.50", "cheap"),
        ("holidays", "2026-12-25", "Christmas"),
        ("answer", False, "refused"),
        ("decimal", "1.50", "1.50"),
        ("decimal", "NaN", "NaN"),
        ("float", 0.25, "0.25"),
        ("float", "inf", "inf"),
        ("time", "09:30:00", "9:30 a.m."),
        ("time", "soon", "soon"),
        ("duration", "1 02:05:00.500000", "1 day, 2 hours, 5 minutes, 0.5 s"),
        ("duration", "-1 23:55:00", "−5 minutes"),
        ("duration", "00:00:00", "0 s"),
        ("json", {"on": True, "sizes": [1, 2], "none": None}, "on: yes, sizes: (1, 2), none: –"),
        ("json", [{"a": 1}, {"a": 2}], "(a: 1), (a: 2)"),
        ("json", {"lower": 1, "upper": 5, "bounds": "[)"}, "1 – 4"),
        ("json", {"lower": 1.5, "upper": None, "bounds": "[)"}, "1.5 – …"),
        ("plain", "line one\nline two " * 1000, "line one\nline two " * 1000),
        ("plain", {"type": "app.Model", "id": "1", "repr": "Tower 7"}, "Tower 7"),
    ],
)
def test_a_value_reads_as_people_read_it(kind, stored, label):
    # Some catalogues set no-break spaces.
    assert readable_value(stored, FIELDS[kind]).replace("\xa0", " ") == label


@pytest.mark.parametrize(
    ("kind", "stored", "label"),
    [
        ("decimal", "1234.50", "1234,50"),
        ("float", 0.25, "0,25"),
        ("time", "09:30:00", "09:30"),
        ("duration", "00:00:01.500000", "1,5 s"),
        ("json", True, "Ja"),
    ],
)
def test_a_value_reads_as_the_language_writes_it(kind, stored, label):
    with translation.override("de"):
        assert readable_value(stored, FIELDS[kind]) == label


def test_a_range_of_days_names_the_last_one():
    ranges = pytest.importorskip("django.contrib.postgres.fields")
    stored = {"lower": "2026-12-01", "upper": "2026-12-05", "bounds": "[)"}
    with translation.override("de"):
        assert readable_value(stored, ranges.DateRangeField()) == "1. Dezember 2026 – 4. Dezember 2026"
        moments = {"lower": "2026-12-01T08:00:00", "upper": "2026-12-01T09:00:00", "bounds": "[)"}
        label = readable_value(moments, ranges.DateTimeRangeField())
    assert label == "1. Dezember 2026 08:00 – 1. Dezember 2026 09:00"


def test_the_items_of_an_array_are_read_by_its_base_field():
    arrays = pytest.importorskip("django.contrib.postgres.fields")
    field = arrays.ArrayField(models.CharField(choices=GROUPED))
    assert readable_value(["a4", "a5"], field) == "A4 sheet, A5 sheet"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values, st.sampled_from([None, *FIELDS.values()]))
def test_whatever_was_stored_can_be_shown(value, field):
    assert isinstance(readable_value(value, field), str)
