"""RECIPIENT_LANGUAGE and RECIPIENT_TIMEZONE: what a project knows of how its users read."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from notifyaudit import Frequency, clock, record, subscribe
from notifyaudit.links import Extent, Scope, unsubscribe_token
from notifyaudit.models import Message, Preference
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.tasks import sweep
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Profile

pytestmark = pytest.mark.django_db

HOOKS = {
    "BASE_URL": "https://site.example",
    "RECIPIENT_LANGUAGE": f"{__name__}.language_of",
    "RECIPIENT_TIMEZONE": f"{__name__}.zone_of",
    "RECIPIENT_SELECT_RELATED": ["profile"],
}


def language_of(user):
    return user.profile.language


def zone_of(user):
    return user.profile.zone


@pytest.fixture(autouse=True)
def project():
    with override_settings(NOTIFYAUDIT=HOOKS):
        yield


@pytest.fixture
def at_noon():
    """The sixth of March 2026, a Friday."""
    with time_machine.travel(datetime(2026, 3, 6, 12, tzinfo=UTC)), clock.travelling():
        yield


def make_readers(count, zone="Asia/Kolkata", language="fr"):
    users = get_user_model().objects.bulk_create(
        get_user_model()(username=f"reader{number}", email=f"reader{number}@x.example")
        for number in range(count)
    )
    Profile.objects.bulk_create(Profile(user=user, zone=zone, language=language) for user in users)
    return users


def test_a_mail_is_as_the_project_knows_its_reader(at_noon):
    (user,) = make_readers(1)
    with email_kind([user, "plain@x.example"], subject="{{ event.recorded_at|date:'H:i' }}"):
        record(DocumentAction.FILED)
        sweep()
    sent = {each.to[0]: each for each in mail.outbox}
    assert sent["reader0@x.example"].subject == "17:30"
    assert sent["reader0@x.example"].extra_headers["Content-Language"] == "fr"
    assert sent["plain@x.example"].subject == "12:00"


@pytest.mark.parametrize(
    ("zone", "closes"),
    [
        ("Asia/Kolkata", "2026-03-07 02:30"),
        # There the clock goes forward on the eighth.
        ("America/St_Johns", "2026-03-07 11:30"),
        ("", "2026-03-07 08:00"),
    ],
)
def test_a_digest_closes_by_the_clock_that_the_project_knows(at_noon, zone, closes):
    (user,) = make_readers(1, zone=zone)
    subscribe(user, "document.*", frequency=Frequency.DAILY)
    record(DocumentAction.FILED)
    route_pending()
    assert f"{Message.objects.get().due_at:%Y-%m-%d %H:%M}" == closes


def test_what_the_reader_chooses_comes_first_and_can_be_taken_back(at_noon):
    (user,) = make_readers(1)
    subscribe(user, "document.*", frequency=Frequency.DAILY)
    record(DocumentAction.FILED)
    route_pending()
    preference = Preference(user=user, timezone="America/St_Johns")
    preference.save()
    assert Message.objects.get().due_at == datetime(2026, 3, 7, 8, tzinfo=ZoneInfo("America/St_Johns"))
    preference.timezone = ""
    preference.digest_hour = 9
    preference.save()
    assert Message.objects.get().due_at == datetime(2026, 3, 7, 9, tzinfo=ZoneInfo("Asia/Kolkata"))


def test_what_it_knows_of_many_readers_is_read_at_once(at_noon):
    for user in make_readers(60):
        subscribe(user, "document.*", frequency=Frequency.DAILY)
    record(DocumentAction.FILED)
    for step in (route_pending, send_due):
        with CaptureQueriesContext(connection) as statements:
            step()
        assert len([each for each in statements if "testapp_profile" in each["sql"]]) == 1
        clock.advance(timedelta(days=1))
    assert len(mail.outbox) == 60
    assert {each.extra_headers["Content-Language"] for each in mail.outbox} == {"fr"}


def test_a_function_that_raises_costs_nobody_a_digest_and_is_told_by_the_ledger(at_noon, caplog):
    user, other = make_readers(2)
    user.profile.delete()
    for each in (user, other):
        subscribe(each, "document.*", frequency=Frequency.DAILY)
    record(DocumentAction.FILED)
    route_pending()
    due = dict(Message.objects.values_list("recipient_id", "due_at"))
    assert due[str(user.pk)] == datetime(2026, 3, 7, 8, tzinfo=UTC)
    assert due[str(other.pk)] == datetime(2026, 3, 7, 8, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert "zone_of could not be asked" in caplog.text
    clock.advance(timedelta(days=1))
    assert send_due() == {"sent": 1, "open": 1}
    message = Message.objects.get(recipient_id=str(user.pk))
    assert (message.status, message.attempts) == ("open", 1)
    assert "has no profile" in message.last_error


def test_the_pages_behind_the_links_are_in_the_language_of_the_mails(client):
    (user,) = make_readers(1)
    scope = Scope(extent=Extent.EVERYTHING)
    response = client.get(f"/notifyaudit/unsubscribe/{unsubscribe_token(f'u{user.pk}', scope)}/")
    assert response.headers["Content-Language"] == "fr"
    assert "Que souhaitez-vous ne plus recevoir" in response.content.decode()


def test_the_preference_centre_says_what_the_project_knows(client):
    (user,) = make_readers(1)
    client.force_login(user)
    with override_settings(LANGUAGES=[("en", "English"), ("fr", "French"), ("de-at", "Österreichisch")]):
        page = client.get("/notifyaudit/preferences/").content.decode()
    assert '<option value="" selected>Automatic (Asia/Kolkata)</option>' in page
    assert '<option value="" selected>Automatic (Français)</option>' in page
    assert '<option value="de-at">Österreichisch</option>' in page
