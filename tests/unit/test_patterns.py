import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.patterns import is_own, is_pattern, matches


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("inspection.edited", True),
        ("inspection.*", True),
        ("*.edited", True),
        ("*", True),
        ("inspection", False),
        ("Inspection.*", False),
        ("inspection.edited.twice", False),
        ("", False),
    ],
)
def test_which_actions_are_meant(pattern, matched):
    assert matches("inspection.edited", pattern) == matched


@given(st.text())
def test_an_action_means_itself_whatever_it_is_called(action):
    assert matches(action, action)
    assert matches(action, "*") != is_own(action)


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("*", False),
        ("*.unsubscribed", False),
        ("?otifyaudit.*", False),
        ("notifyaudit", False),
        ("notifyaudit.*", True),
        ("notifyaudit.unsub*", True),
        ("notifyaudit.unsubscribed", True),
    ],
)
def test_the_librarys_own_are_meant_by_what_names_the_library(pattern, matched):
    assert matches("notifyaudit.unsubscribed", pattern) == matched


def test_what_only_begins_alike_is_not_the_librarys_own():
    assert matches("notifyaudits.filed", "*")


@given(st.text(), st.text())
def test_what_is_no_pattern_means_one_action(action, name):
    assert is_pattern(name) or matches(action, name) == (action == name)
