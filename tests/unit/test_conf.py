from datetime import timedelta

import pytest
from django.test import override_settings

from notifyaudit import conf
from notifyaudit.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"WAKEUP": "never"}, "Did you mean 'WAKE_UP'"),
        ({"XYZ": 1}, "Known keys: DATABASE"),
        ({"WAKE_UP": "sometimes"}, "one of 'on_commit', 'transaction', 'never'"),
        ({"BASE_URL": 7}, "BASE_URL.* must be a str"),
        ({"LEASE": 300}, "LEASE.* must be a timedelta"),
        ({"LEASE": timedelta(0)}, "above zero"),
        ({"SENSITIVE_FIELDS": "password"}, "list of strings"),
        ({"REQUIRE_ATOMIC": "yes"}, "must be a bool"),
    ],
)
def test_a_wrong_setting_is_named_with_its_mend(values, message):
    with pytest.raises(ConfigurationError, match=message):
        conf.parse(values)


def test_defaults_are_there_without_any_setting():
    assert conf.parse({}).WAKE_UP == "on_commit"


def test_lists_are_taken_and_a_trailing_slash_is_not_doubled():
    settings = conf.parse({"SENSITIVE_FIELDS": ["pin"], "BASE_URL": "https://x.example/"})
    assert settings.SENSITIVE_FIELDS == ("pin",)
    assert settings.BASE_URL == "https://x.example"


def test_settings_follow_override_settings():
    with override_settings(NOTIFYAUDIT={"WAKE_UP": "never"}):
        assert conf.current().WAKE_UP == "never"
    assert conf.current().WAKE_UP == "on_commit"


@pytest.mark.parametrize(
    ("base_url", "sender", "domain"),
    [
        ("https://x.example:8000/a", "a@y.example", "x.example"),
        ("", "Sender <a@y.example>", "y.example"),
        ("", "webmaster@localhost", "localhost"),
        ("", f"a@{'ü' * 60}.example", "localhost"),
    ],
)
def test_message_ids_are_in_the_sites_domain(base_url, sender, domain):
    with override_settings(NOTIFYAUDIT={"BASE_URL": base_url}, DEFAULT_FROM_EMAIL=sender):
        assert conf.mail_domain() == domain


def test_the_domain_of_message_ids_is_ascii():
    with override_settings(NOTIFYAUDIT={"BASE_URL": "https://b\u00fccher.example"}):
        assert conf.mail_domain() == "xn--bcher-kva.example"
