import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.conf import SENSITIVE_FIELDS
from notifyaudit.masking import MASK, Mask, words

DEFAULT = Mask(SENSITIVE_FIELDS)


@pytest.mark.parametrize(
    "key",
    ["password", "userPassword", "PASSWORD", "api_key", "apiKey", "stripe-api-key", "API Key", "token_hash",
     "old password", "clientSecret", "x_api_key_2"],
)  # fmt: skip
def test_sensitive_keys_are_hidden(key):
    assert DEFAULT.hides(key)


@pytest.mark.parametrize(
    "key", ["tokenizer", "keyboard", "api", "key", "passwordless", "secretary", "spin", ""]
)
def test_keys_that_only_contain_a_sensitive_word_by_chance_are_shown(key):
    assert not DEFAULT.hides(key)


def test_public_keys_are_exempt():
    assert not Mask(["token"], public=["token_count"]).hides("token_count")
    assert Mask(["token"], public=["token_count"]).hides("token_value")


def test_words_split_at_every_common_boundary():
    assert words("HTTPServerName") == ("http", "server", "name")
    assert words("snake_and-kebab and spaces") == ("snake", "and", "kebab", "and", "spaces")


def test_a_masked_change_stays_a_change():
    masked = DEFAULT.apply_to_changes({"password": ["old", "new"], "title": ["A", "B"]})
    assert masked == {"password": [MASK, MASK], "title": ["A", "B"]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "password", "b", "apiKey"]), inner),
    max_leaves=20,
)


def secrets_in(value):
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("password", "apiKey"):
                yield item
            else:
                yield from secrets_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from secrets_in(item)


@given(json_values)
def test_no_secret_is_left_at_any_depth(value):
    assert all(secret == MASK for secret in secrets_in(DEFAULT.apply(value)))


@given(json_values)
def test_masking_twice_is_masking_once(value):
    assert DEFAULT.apply(DEFAULT.apply(value)) == DEFAULT.apply(value)
