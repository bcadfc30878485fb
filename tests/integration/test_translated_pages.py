"""What the library shows of its own is in the reader's language, down to the last word."""

import re

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.template import engines
from django.test import Client, RequestFactory
from django.utils import translation

from notifyaudit import DigestEmail, Frequency, mute, record, subscribe
from notifyaudit.links import Extent, Scope, unsubscribe_token
from notifyaudit.models import Preference
from notifyaudit.registry import emails
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

LANGUAGES = ["ar", "de", "es", "fr"]

OF_THE_PROJECT = re.compile(
    r"Tests|test\.kind|notifyaudit\.DigestEmail|document\.filed|site\.example"
    r"|Filed|Document filed\b.*|Price\b.*"
)
"""Its names and addresses, which nobody has translated."""

OF_ALL_LANGUAGES = {"From", "Deutsch", "English", "Español", "Français"}
SAME_SOMEWHERE = {"Notifications", "Text", "Desktop", "Source"}


@pytest.fixture
def reader():
    return get_user_model().objects.create_superuser("ann", "ann@x.example")


@pytest.fixture
def kind():
    """Called by a number, as all that is not the library's own is here."""
    with email_kind(label="11", description="12", template_name="notifyaudit/email.html") as email_class:
        yield email_class


@pytest.fixture
def show(reader, kind, settings):
    """A function that gives the text of one of the library's pages in a language."""
    settings.LANGUAGES = [(code, code) for code in ("en", *LANGUAGES)]
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ]
    sessions, *others = (each for each in settings.MIDDLEWARE if "security" not in each)
    settings.MIDDLEWARE = [sessions, "django.middleware.locale.LocaleMiddleware", *others]
    # As long as the kind of email is there: monkeypatch would put it back after that.
    emails._classes = {at: each for at, each in emails._classes.items() if each in {kind, DigestEmail}}
    document = Document.objects.create(title="13", owner=reader)
    group = Group.objects.create(name="14")
    reader.groups.add(group)
    subscribe(reader, "document.*", target=document, frequency=Frequency.DAILY)
    subscribe(reader, "document.*", where={"kind": "plan"})
    subscribe(group, "document.*", target=document)
    mute(reader, target=Document.objects.create(title="15"))
    record(DocumentAction.FILED, target=document)
    client = Client()
    scope = Scope(
        extent=Extent.OBJECT, email_key=kind.key, target_type="testapp.Document", target_id=str(document.pk)
    )
    link = f"/notifyaudit/unsubscribe/{unsubscribe_token(f'u{reader.pk}', scope)}/"

    def show(what, language):
        Preference.objects.update_or_create(user=reader, defaults={"language": language})
        client.force_login(reader)
        with translation.override(language):
            match what:
                case "unsubscribe":
                    html = client.get(link).content.decode()
                case "stopped" | "undone":
                    path = client.post(link, {"extent": "o"}).url
                    if what == "undone":
                        client.post(path)
                    html = client.get(path).content.decode()
                case "watch button":
                    request = RequestFactory().get("/")
                    request.user = reader
                    source = "{% load notifyaudit %}{% watch_button document %}"
                    html = engines["django"].from_string(source).render({"document": document}, request)
                case "mail" | "digest":
                    email_class = DigestEmail if what == "digest" else kind
                    email = email_class.sample(
                        DocumentAction.FILED, target=document, changes={"price": ("1", "2")}, recipient=reader
                    )
                    email.preference = Preference.objects.get(user=reader)
                    mail = email.build()
                    html = f"{mail.subject}{mail.alternatives[0][0]}<pre>{mail.body}</pre>"
                case path:
                    response = client.get(f"/notifyaudit/{path}", headers={"accept-language": language})
                    html = response.content.decode()
        return html

    return show


def texts_of(html):
    """The pieces of text between two tags, and of labels that are only heard; of plain text each line."""
    page = BeautifulSoup(html, "html.parser")
    # Places, and what languages call themselves, are the same in all of them.
    for element in page.select("style, script, [name=timezone], [name=language]"):
        element.decompose()
    heard = [each["aria-label"] for each in page.select("[aria-label]")]
    pieces = (line for piece in (*page.stripped_strings, *heard) for line in piece.splitlines())
    pieces = (re.sub(r"https?://\S+", "", piece).strip() for piece in pieces)
    return {piece for piece in pieces if re.search("[A-Za-z]{3}", piece) and "@" not in piece}


def same_in(language):
    """What is translated by the same word."""
    with translation.override(language):
        return {word for word in SAME_SOMEWHERE if translation.gettext(word) == word}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "what",
    [
        *("mail", "digest", "watch button", "unsubscribe", "stopped", "undone"),
        *("preferences/", "unsubscribe/not-a-token/", "previews/", "previews/test.kind/"),
    ],
)
def test_no_text_of_english_is_left(show, what, language):
    english = texts_of(show(what, "en"))
    assert len(english) > 1
    left = texts_of(show(what, language)) & english
    left -= OF_ALL_LANGUAGES | same_in(language)
    assert not [text for text in left if not OF_THE_PROJECT.fullmatch(text)]
