from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.text import describe, one_line, storable


@given(st.text(alphabet=st.characters(codec=None)))
def test_every_text_becomes_storable(text):
    result = storable(text)
    assert "\0" not in result
    result.encode()


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_storable_text_is_left_alone(text):
    assert storable(text) == text


@given(st.text(alphabet=st.characters(codec=None)))
def test_one_line_is_one_whoever_splits_it(text):
    result = one_line(text)
    assert len(result.splitlines()) <= 1
    assert one_line(result) == result
    result.encode()


def test_a_line_keeps_its_spaces():
    assert one_line("a  b\r\n\tc ") == "a  b c"


def test_an_error_is_described_with_its_place():
    try:
        {}["missing"]
    except KeyError as error:
        described = describe(error)
    assert described.startswith("KeyError: 'missing'")
    assert "test_text.py" in described


def test_an_error_whose_message_cannot_be_had_is_described_all_the_same():
    class Broken(Exception):
        def __str__(self):
            raise RuntimeError

    assert describe(Broken()).startswith("Broken: (its message cannot be shown)")
