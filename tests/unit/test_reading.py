"""In which language and by which clock somebody reads, and what a mail of theirs then says."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from example_site.inspections.models import User
from notifyaudit import AuditEmail, conf
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.models import Message, Preference
from notifyaudit.reading import asked_safely, clock_of, language_of, offered, said_language, zone_of
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

NOTIFYAUDIT = {
    "BASE_URL": "https://site.example",
    "RECIPIENT_LANGUAGE": "tests.unit.readers.language_of",
    "RECIPIENT_TIMEZONE": "tests.unit.readers.timezone_of",
}
FAILING = {
    "RECIPIENT_LANGUAGE": "tests.unit.readers.failing",
    "RECIPIENT_TIMEZONE": "tests.unit.readers.failing",
}
LANGUAGES = ["en", "de", "fr", "es", "ar", "pt", "pt-br"]

LOADER = "django.template.loaders.locmem.Loader"
PAGES = {
    "page.html": (
        "{% load i18n %}{% get_current_language_bidi as is_bidi %}"
        "<p>{{ changes.frequency.label }}: {{ changes.frequency.new_label }}, "
        "{{ changes.sent_at.new_label }}, {{ moment|date:'H:i' }}, {{ number }}"
        "{% if is_bidi %}, rtl{% endif %}</p>"
    ),
    "failing.html": "{{ moment.fail }}",
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"loaders": [(LOADER, PAGES)]},
    }
]
WINTER, SUMMER = datetime(2026, 11, 21, 22, 30, tzinfo=UTC), datetime(2026, 7, 21, 22, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def project():
    with override_settings(
        NOTIFYAUDIT=NOTIFYAUDIT,
        LANGUAGES=[(code, code) for code in LANGUAGES],
        LANGUAGE_CODE="en",
        TIME_ZONE="Europe/Vienna",
        TEMPLATES=TEMPLATES,
    ):
        yield


def reader(**said):
    user = User(pk=1, username="ann", email="ann@x.example")
    vars(user).update(said)
    return user


class Moment(str):
    __slots__ = ()

    def fail(self):
        translation.activate("es")
        timezone.activate("Asia/Tokyo")
        raise LookupError("in the middle")


def build(recipient, preference=None, moment=WINTER, **attributes):
    """A mail about a message of the ledger, whose labels and choices the library itself translates."""

    def get_context_data(self):
        return {**AuditEmail.get_context_data(self), "moment": moment, "number": 1234.5}

    kind = {
        "subject": gettext_lazy("Unsubscribed"),
        "template_name": "page.html",
    }
    with email_kind(get_context_data=get_context_data, **{**kind, **attributes}) as email_class:
        email = email_class.sample(
            DocumentAction.CHANGED,
            target=Message(),
            changes={"frequency": ("daily", "weekly"), "sent_at": (None, WINTER)},
            recipient=recipient,
        )
        email.preference = preference
        return email.build()


class TestALanguage:
    @pytest.mark.parametrize(
        ("chosen", "known", "language"),
        [
            ("fr", "de", "fr"),
            ("", "de", "de"),
            ("", None, "en"),
            ("", "", "en"),
        ],
    )
    def test_is_what_the_reader_chose_else_what_the_project_knows_else_its_own(self, chosen, known, language):
        assert language_of(reader(spoken=known), Preference(language=chosen)) == language

    def test_of_a_plain_address_is_never_asked_of_the_project(self):
        with override_settings(NOTIFYAUDIT={**NOTIFYAUDIT, **FAILING}):
            assert language_of(None, None) == "en"
            assert language_of(None, Preference(language="ar")) == "ar"

    @pytest.mark.parametrize(
        ("code", "nearest"),
        [
            ("pt-br", "pt-br"),
            ("pt-BR", "pt-br"),
            ("pt_BR", "pt-br"),
            ("pt-pt", "pt"),
            ("de-at", "de"),
            ("de-CH-1996", "de"),
            ("it", "en"),
            ("xx", "en"),
            ("not a language", "en"),
        ],
    )
    def test_that_is_not_offered_is_the_nearest_that_is(self, code, nearest):
        assert offered(code).lower() == nearest
        assert said_language(reader(spoken=code), None).lower() == nearest

    def test_of_another_region_is_nearer_than_another_language(self):
        with override_settings(LANGUAGES=[("en", "English"), ("pt-br", "Brasil")]):
            assert offered("pt") == "pt-br"


class TestAClock:
    @pytest.mark.parametrize(
        ("chosen", "known", "zone"),
        [
            ("Asia/Kolkata", "America/Lima", "Asia/Kolkata"),
            ("", "America/Lima", "America/Lima"),
            ("", ZoneInfo("America/Lima"), "America/Lima"),
            ("", None, "Europe/Vienna"),
        ],
    )
    def test_is_what_the_reader_chose_else_what_the_project_knows_else_its_own(self, chosen, known, zone):
        user, preference = reader(zone=known), Preference(timezone=chosen)
        assert zone_of(user, preference) == zone
        assert clock_of(user, preference) == ZoneInfo(zone)

    def test_that_the_machine_does_not_know_is_utc(self):
        assert clock_of(reader(zone="Mars/Olympus"), None) == UTC


class TestAFunctionOfTheProject:
    @pytest.mark.parametrize("name", ["RECIPIENT_LANGUAGE", "RECIPIENT_TIMEZONE"])
    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("tests.unit.readers.nobody", "'tests.unit.readers.nobody', which cannot be imported"),
            ("tests.nowhere.language_of", "'tests.nowhere.language_of', which cannot be imported"),
            ("language_of", "'language_of', which cannot be imported"),
            ("tests.unit.readers.nothing_to_call", "which is no function that takes a user, but 'de'"),
        ],
    )
    def test_that_there_is_not_is_named(self, name, path, words):
        with (
            override_settings(NOTIFYAUDIT={name: path}),
            pytest.raises(ConfigurationError, match=words) as raised,
        ):
            conf.function(name)
        assert name in str(raised.value)

    def test_that_returns_something_else_is_named(self):
        with pytest.raises(
            TypeError, match=r"RECIPIENT_LANGUAGE.*language_of\(\) must return a text or None, not 7"
        ):
            language_of(reader(spoken=7), None)

    def test_that_raises_is_heard_where_a_mail_is_made_and_logged_elsewhere(self, caplog):
        with override_settings(NOTIFYAUDIT={**NOTIFYAUDIT, **FAILING}):
            with pytest.raises(LookupError, match="ann has no profile"):
                build(reader())
            assert asked_safely(zone_of, reader(), Preference()) == "Europe/Vienna"
        assert "zone_of could not be asked" in caplog.text


# The library has no texts in Portuguese; dates and numbers are Django's.
MAILS = {
    "de": ("Abbestellt", "Häufigkeit: Wöchentlich, 21. November 2026 23:30, 23:30, 1234,5"),
    "fr": (
        "Désabonnement effectué",
        "Fréquence: Toutes les semaines, 21 novembre 2026 23:30, 23:30, 1234,5",
    ),
    "es": (
        "Suscripción cancelada",
        "Frecuencia: Cada semana, 21 de noviembre de 2026 a las 23:30, 23:30, 1234,5",
    ),
    "ar": ("تم إلغاء الاشتراك", "الوتيرة: كل أسبوع, نوفمبر 21, 2026, 11:30 م, 23:30, 1234,5, rtl"),
    "pt-br": ("Unsubscribed", "Frequency: Weekly, 21 de Novembro de 2026 às 23:30, 23:30, 1234,5"),
}


class TestAMail:
    @pytest.mark.parametrize("language", MAILS)
    def test_is_in_the_language_of_its_reader(self, language):
        mail = build(reader(spoken=language))
        assert (mail.subject, mail.body.strip()) == MAILS[language]
        assert mail.extra_headers["Content-Language"] == language

    @pytest.mark.parametrize(
        ("zone", "moment", "shown"),
        [
            ("Asia/Kolkata", WINTER, "04:00"),
            ("America/St_Johns", WINTER, "19:00"),
            ("America/St_Johns", SUMMER, "20:00"),
            ("Europe/Vienna", WINTER, "23:30"),
            ("Europe/Vienna", SUMMER, "00:30"),
        ],
    )
    def test_is_by_the_clock_of_its_reader(self, zone, moment, shown):
        assert f", {shown}, " in build(reader(zone=zone), moment=moment).body
        assert f", {shown}, " in build("ann@x.example", Preference(timezone=zone), moment=moment).body

    def test_is_as_its_class_decides_where_it_does(self):
        mail = build(
            reader(spoken="de", zone="Asia/Kolkata"),
            Preference(language="fr", timezone="America/Lima"),
            get_translation=lambda self: "es",
            get_timezone=lambda self: UTC,
        )
        assert mail.extra_headers["Content-Language"] == "es"
        assert ", 22:30, " in mail.body

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        caller=st.sampled_from([*LANGUAGES, None]),
        zone=st.sampled_from(["UTC", "Asia/Kolkata", "America/St_Johns"]),
        spoken=st.sampled_from([*LANGUAGES, None, "it", "pt_BR"]),
        template=st.sampled_from(["page.html", "failing.html"]),
    )
    def test_leaves_the_language_and_the_clock_of_the_caller_as_they_were(
        self, caller, zone, spoken, template
    ):
        with translation.override(caller), timezone.override(zone):
            try:
                build(reader(spoken=spoken, zone="Asia/Tokyo"), moment=Moment(), template_name=template)
            except LookupError:
                assert template == "failing.html"
            assert translation.get_language() == caller
            assert timezone.get_current_timezone_name() == zone
