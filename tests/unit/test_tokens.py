"""What a link says is what was signed, and nothing else is signed."""

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.tokens import InvalidToken, Purpose, read, sign

FIELDS = st.lists(st.text().filter(lambda text: "\0" not in text), min_size=1, max_size=6)
FOR = Purpose.UNSUBSCRIBE


@given(FIELDS, st.sampled_from(Purpose))
def test_what_is_signed_is_read_again(fields, purpose):
    token = sign(purpose, *fields)
    assert read(purpose, token) == fields
    assert "/" not in token
    assert token.isascii()


@given(FIELDS, st.data())
def test_a_token_that_was_tampered_with_is_invalid(fields, data):
    token = sign(FOR, *fields)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("Aa0_-.é").filter(lambda letter: letter != token[place]))
    with pytest.raises(InvalidToken):
        read(FOR, token[:place] + other + token[place + 1 :])


@given(st.text())
def test_what_nobody_has_signed_is_invalid(text):
    with pytest.raises(InvalidToken):
        read(FOR, text)


@given(FIELDS)
def test_a_token_for_one_purpose_is_invalid_for_another(fields):
    with pytest.raises(InvalidToken):
        read(Purpose.UNDO, sign(Purpose.UNSUBSCRIBE, *fields))


def test_a_token_outlives_the_key_it_was_signed_with():
    with override_settings(SECRET_KEY="the old one"):
        token = sign(FOR, "u1")
    with override_settings(SECRET_KEY="the new one"):
        with pytest.raises(InvalidToken):
            read(FOR, token)
        with override_settings(SECRET_KEY_FALLBACKS=["the old one"]):
            assert read(FOR, token) == ["u1"]


def test_no_field_can_pretend_to_be_two():
    with pytest.raises(ValueError, match="NUL"):
        sign(FOR, "u1\0e")
