"""Long values are cut so that the difference stays visible."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifyaudit.clipping import LIMIT, clip

LONG = "The fire door on the third floor does not close since its hinge was painted over. "
FAMILY = "👩‍👩‍👧‍👦"

limits = st.integers(80, 200)
texts = st.text(max_size=400)


def test_short_values_are_left_alone():
    assert clip("Draft", "Completed") == ("Draft", "Completed")
    assert clip("x" * LIMIT, "") == ("x" * LIMIT, "")


def test_a_long_value_is_cut_at_its_end():
    old, new = clip("Draft", "x" * 500, 100)
    assert (old, new) == ("Draft", "x" * 99 + "…")


def test_values_that_begin_alike_are_shown_where_they_differ():
    assert clip(LONG * 3 + "Two are missing.", LONG * 3 + "Three are missing.") == (
        "…was painted over. Two are missing.",
        "…was painted over. Three are missing.",
    )


def test_what_was_appended_is_shown():
    old, new = clip(LONG * 3, LONG * 3 + "Call the fitter.")
    assert old == "…hinge was painted over."
    assert new == "…hinge was painted over. Call the fitter."


def test_what_was_taken_away_is_shown():
    assert clip(LONG * 3 + "Call the fitter.", LONG * 3)[0].endswith("over. Call the fitter.")


def test_both_ends_are_cut_where_the_difference_is_in_the_middle():
    old, new = clip(LONG * 2 + "Two. " + LONG * 3, LONG * 2 + "Three. " + LONG * 3, 100)
    assert old.startswith("…was painted over. Two. The fire")
    assert new.startswith("…was painted over. Three. The fire")
    assert old[-1] == new[-1] == "…"
    assert len(old) <= 100


def test_white_space_is_what_html_makes_of_it():
    assert clip(" One\n\ntwo ", "\t") == ("One two", "")


@pytest.mark.parametrize("part", [FAMILY, "e\N{COMBINING ACUTE ACCENT}", "👍🏽"])
def test_no_character_is_parted(part):
    for before in range(12):
        _, new = clip("", "x" * before + part * 60, 80)
        assert new.removesuffix("…")[before:].replace(part, "") == ""
        old, new = clip("x" * before + part * 60, "x" * before + part * 60 + "!", 80)
        assert old.removeprefix("…").removesuffix("…").replace(part, "") == ""


def test_a_limit_without_room_is_refused():
    with pytest.raises(ValueError, match="limit=79"):
        clip("", "", 79)


@given(texts, texts, limits)
def test_no_value_is_longer_than_the_limit(old, new, limit):
    assert all(len(text) <= limit for text in clip(old, new, limit))


@given(texts, st.text(max_size=200), st.text(max_size=200), limits)
@example("x" * 100, "", "y", 80)
@example(FAMILY * 20, "a", FAMILY, 80)
@example("\N{COMBINING ACUTE ACCENT}" * 300, "a", "b", 80)
def test_what_differs_looks_different(before, one, other, limit):
    old, new = (" ".join((before + end).split()) for end in (one, other))
    assert (old == new) == (len(set(clip(old, new, limit))) == 1)


@given(texts, texts, limits)
def test_what_is_shown_is_a_part_of_the_value(old, new, limit):
    for value, shown in zip((old, new), clip(old, new, limit), strict=True):
        whole = " ".join(value.split())
        assert shown == whole or shown.removeprefix("…").removesuffix("…") in whole
