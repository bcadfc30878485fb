import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from django.core.files.base import ContentFile
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.values import to_json
from tests.testapp.models import Document, Tag, Ticket


class Colour(Enum):
    RED = "red"


class Unspeakable:
    def __str__(self):
        raise RuntimeError


class Untraversable(dict):
    def items(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("text", "text"),
        ("nul\0", "nul\N{REPLACEMENT CHARACTER}"),
        (Decimal("1.50"), "1.50"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (date(2026, 11, 21), "2026-11-21"),
        (datetime(2026, 11, 21, 9, 30, tzinfo=UTC), "2026-11-21T09:30:00+00:00"),
        (time(9, 30), "09:30:00"),
        (timedelta(days=1, minutes=5), "1 00:05:00"),
        (Colour.RED, "red"),
        (Document.Kind.PLAN, "plan"),
        (gettext_lazy("yes"), "yes"),
        (SimpleLazyObject(lambda: "lazy"), "lazy"),
        (b"12345", "5 bytes"),
        (ContentFile(b"", name="plan.pdf"), "plan.pdf"),
        ({"b", "a"}, ["a", "b"]),
        (("a", [1, {"x": Decimal(1)}]), ["a", [1, {"x": "1"}]]),
        ({1: {"y": None}}, {"1": {"y": None}}),
        (Tag(pk=3, name="urgent"), {"type": "testapp.Tag", "id": "3", "repr": "urgent"}),
        (Ticket(pk=UUID(int=1)), {"type": "testapp.Ticket", "id": str(UUID(int=1)), "repr": "<Ticket>"}),
        (Unspeakable(), "<Unspeakable>"),
        (Untraversable(), "<Untraversable>"),
    ],
)
def test_values_are_stored_as_json(value, stored):
    assert to_json(value) == stored


def test_a_structure_without_end_ends():
    endless = []
    endless.append(endless)
    json.dumps(to_json(endless))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(codec=None))
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
    | st.builds(Unspeakable),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(anything)
def test_every_value_becomes_json_that_any_database_takes(value):
    text = json.dumps(to_json(value), allow_nan=False)
    assert "\\u0000" not in text
    text.encode()
