"""The headers by which mail programs unsubscribe, as they are in the mail and on the wire."""

import re

import pytest
from django.core.mail.backends.smtp import EmailBackend
from django.test import override_settings
from django.urls import include, path

from example_site.settings.mail import smtp
from notifyaudit import record
from notifyaudit.links import Reader, name_of, read_preferences_token
from notifyaudit.models import Preference
from notifyaudit.tasks import sweep
from notifyaudit.transport import close_kept
from tests.integration.kinds import email_kind
from tests.integration.test_emails import templates
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db

LONG = "very.long." + "key" * 50
URL = re.compile(rb"https://site\.example/notifyaudit/unsubscribe/[\w.=-]{100,}/")

urlpatterns = [path("", lambda request: None)]


class OwnBackend(EmailBackend):
    """A project's own: it sends as it likes, and the library must not pass it by."""

    def send_messages(self, messages):
        return super().send_messages(messages)


@pytest.fixture
def headers(document, mailoutbox):
    """The headers of a mail of this kind about a document."""

    def headers(recipients=("ann@x.example",), **attributes):
        with email_kind(recipients, **attributes):
            record(DocumentAction.FILED, target=document)
            sweep()
        return mailoutbox[-1].extra_headers

    return headers


def lists(headers):
    return {name: value for name, value in headers.items() if name.startswith("List-")}


@pytest.mark.parametrize("label", ["Filed documents", "Abgelegtes für Prüferinnen – " * 4])
@pytest.mark.parametrize("backend", ["django.core.mail.backends.smtp.EmailBackend", f"{__name__}.OwnBackend"])
def test_on_the_wire_the_url_is_one_word(server, document, label, backend):
    settings = smtp(host="127.0.0.1", port=server.port)
    if "MAILERS" in settings:
        settings["MAILERS"]["default"]["BACKEND"] = backend
    else:
        settings["EMAIL_BACKEND"] = backend
    with override_settings(**settings), email_kind(["ann@x.example"], key=LONG, label=label):
        record(DocumentAction.FILED, target=document)
        sweep()
        close_kept()
    raw = server.next_mail()["content"].encode("latin-1")
    head = raw.partition(b"\r\n\r\n")[0]
    if backend.endswith("OwnBackend"):
        # Django before 6.0 folds it at the blank behind the colon, which readers take away.
        head = head.replace(b": \r\n ", b": ")
    (line,) = [line for line in head.split(b"\r\n") if line.startswith(b"List-Unsubscribe:")]
    assert URL.fullmatch(line.removeprefix(b"List-Unsubscribe: <").removesuffix(b">"))
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head.split(b"\r\n")
    assert f"<{LONG}.site.example>".encode() in head
    assert head.isascii()


def test_a_mail_says_how_to_unsubscribe_and_which_kind_it_is(headers):
    found = lists(headers(label='What is "filed"'))
    assert set(found) == {"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"}
    assert found["List-Id"] == r'"What is \"filed\"" <test.kind.site.example>'


@pytest.mark.parametrize(
    ("key", "expected"),
    [("a b/c..ü@d", "a-b-c.-d"), ("k" * 190, "k" * 190), (".x.", "x")],
)
def test_any_key_becomes_an_id(headers, key, expected):
    assert headers(key=key)["List-Id"].endswith(f"<{expected}.site.example>")


def test_mandatory_mail_has_no_link(headers):
    assert lists(headers(mandatory=True)) == {}


def test_without_a_base_url_there_is_no_link(headers, settings):
    settings.NOTIFYAUDIT = {}
    assert lists(headers()) == {}


@pytest.mark.parametrize("urlconf", [__name__, None])
def test_without_the_pages_there_is_no_link(headers, settings, urlconf):
    settings.ROOT_URLCONF = urlconf
    assert lists(headers()) == {}


def test_one_click_is_for_https_only(headers, settings):
    settings.NOTIFYAUDIT = {"BASE_URL": "http://localhost:8000"}
    found = lists(headers())
    assert found["List-Unsubscribe"].startswith("<http://localhost:8000/notifyaudit/unsubscribe/")
    assert "List-Unsubscribe-Post" not in found


@pytest.mark.parametrize(
    ("base_url", "start"),
    [
        ("https://bücher.example:8443/", "<https://xn--bcher-kva.example:8443/notifyaudit/"),
        ("https://[::1]:8443", "<https://[::1]:8443/notifyaudit/"),
        ("https://site.example/below", "<https://site.example/below/notifyaudit/"),
    ],
)
def test_the_url_is_ascii_and_below_the_path_of_the_site(headers, settings, base_url, start):
    settings.NOTIFYAUDIT = {"BASE_URL": base_url}
    assert headers()["List-Unsubscribe"].startswith(start)


@pytest.fixture
def preferences_page(settings, tmp_path):
    """A site that has one, and mails that say where."""
    views = [
        path("preferences/", lambda request: None, name="preferences"),
        path("preferences/<str:token>/", lambda request, token: None, name="preferences"),
    ]
    settings.ROOT_URLCONF = (path("", include((views, "notifyaudit"))),)
    templates(settings, tmp_path, "django", {"t.html": "{{ preferences_url }}"})


def test_a_user_signs_in_to_choose_and_an_address_has_a_token(preferences_page, headers, user, mailoutbox):
    headers([user, "ann@x.example"], template_name="t.html")
    of_user, of_address = sorted((mail.body.strip() for mail in mailoutbox), key=len)
    assert of_user == "https://site.example/preferences/"
    token = of_address.rstrip("/").rpartition("/")[2]
    assert Reader.named(read_preferences_token(token)).recipient.address == "ann@x.example"


def test_what_the_class_says_itself_counts(headers):
    own = "<mailto:leave@x.example?subject=" + "x" * 100 + ">"
    found = headers(get_headers=lambda self: {"list-unsubscribe": own})
    assert lists(found).keys() == {"List-Unsubscribe-Post", "List-Id"}
    assert found["list-unsubscribe"] == own


def test_a_user_whose_key_may_be_an_address_is_named_by_a_row():
    assert name_of("ann@x.example", Preference(pk=7)) == "p7"
    assert name_of("7", Preference(pk=9)) == "u7"
