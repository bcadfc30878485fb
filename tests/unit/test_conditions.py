"""Which changes somebody wants to hear of."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.conditions import holds, key_of, parse

CHANGES = {
    "status": ["draft", "completed"],
    "price": ["9.50", "100.00"],
    "floors": [3, 12],
    "is_public": [False, True],
    "due_on": [None, "2026-12-04"],
}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, True),
        ({"status": "completed"}, True),
        ({"status": "draft"}, False),
        ({"status__was": "draft"}, True),
        ({"status__was": "completed"}, False),
        ({"status__in": ["completed", "closed"]}, True),
        ({"status__in": []}, False),
        ({"status__changed": True}, True),
        ({"status__changed": False}, False),
        ({"title__changed": False}, True),
        ({"title__changed": True}, False),
        ({"title": None}, False),
        ({"due_on__was": None}, True),
        ({"price__gt": 99}, True),
        ({"price__gt": 100}, False),
        ({"price__gte": Decimal(100)}, True),
        ({"price__lt": 100.5}, True),
        ({"price__lte": 9}, False),
        ({"floors__gt": 9}, True),
        ({"floors": 12.0}, True),
        ({"is_public": True}, True),
        ({"is_public": 1}, False),
        ({"due_on__gt": "2026-12-01"}, True),
        ({"due_on__gt": 5}, False),
        ({"status__gt": 5}, False),
        ({"status": "completed", "price__gt": 100}, False),
        ({"status": "completed", "price__gt": 50}, True),
    ],
)
def test_every_entry_must_hold_of_a_changed_field(where, expected):
    assert holds(parse(where), CHANGES) is expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"price__grt": 5}, r"no lookup 'grt'. Did you mean price__gt"),
        ({"price__in": 5}, "must be a list"),
        ({"price__changed": "yes"}, "must be a bool"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_name(where, message):
    with pytest.raises(ValueError, match=message):
        parse(where)


@pytest.mark.parametrize("where", ["status", {"": 1}, {3: 4}, [("status", "x")]])
def test_what_is_no_condition_at_all_is_refused(where):
    with pytest.raises(TypeError, match="must be a mapping"):
        parse(where)


def test_a_lookup_of_newer_code_does_not_hold():
    assert not holds({"status__resembles": "done"}, CHANGES)


CONDITIONS = st.dictionaries(
    st.sampled_from(["a", "b__gt", "c__was"]), st.sampled_from([1, 2, "1", "", None, 0.5]), max_size=3
)


@given(CONDITIONS, CONDITIONS)
def test_the_key_tells_conditions_apart(one, other):
    one, other = parse(one), parse(other)
    assert (key_of(one) == key_of(other)) == (one == other)
    assert key_of(one) == key_of(dict(reversed(one.items())))
    assert len(key_of(one)) <= 64
