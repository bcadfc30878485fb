"""A trigger on a history table leaves word of each row: of django-field-history's, or of a project's own."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from field_history.models import FieldHistory

from notifyaudit import audit_context
from notifyaudit.masking import MASK
from notifyaudit.models import Sighting
from notifyaudit.secrecy import mask_of
from tests.sources.postgres import taken_up
from tests.sources.upstream.models import TrackedInspection

if connection.vendor != "postgresql":
    pytest.skip("triggers need PostgreSQL", allow_module_level=True)

from tests.sources.triggers.models import Change

pytestmark = pytest.mark.django_db


def change(name="name", **values):
    return Change(inspection=7, field_name=name, **{"old": "a", "new": "b", **values})


def test_rows_that_send_no_signal_become_events():
    with audit_context(actor="import", correlation_id="job-7"):
        Change.objects.bulk_create([change(), change("title"), change("internal")])
    events = taken_up("changes")
    assert [event.changes for event in events] == [{"name": ["a", "b"]}, {"title": ["a", "b"]}]
    assert {(event.actor_repr, event.correlation_id) for event in events} == {("import", "job-7")}
    assert not Sighting.objects.exists()


def test_updates_and_deletions_of_history_are_none():
    change().save()
    Sighting.objects.all().delete()
    Change.objects.update(new="c")
    Change.objects.all().delete()
    assert not Sighting.objects.exists()


NAMES = [
    "name",
    "api_key",
    "apiKey",
    "APIKey",
    "userPassword",
    "password2",
    "tokenizer",
    "pinned",
    "pin",
    "iban",
]
NAMES += ["stripe-api-key", "spin", "x_token", "tokens", "OTP", "Secret answer", "holder_id", "author"]


@pytest.mark.parametrize("name", NAMES)
def test_values_of_sensitive_fields_are_masked_as_everywhere_else(name):
    change(name, old="before", new="after").save()
    kept = Sighting.objects.get().after
    hidden = mask_of(None).hides(name) or name == "holder_id"  # which a model of the tests declares
    assert (kept["old"], kept["new"]) == ((MASK, MASK) if hidden else ("before", "after"))


@pytest.fixture
def relayed(settings):
    mapping = settings.NOTIFYAUDIT["SOURCES"]["notifyaudit.sources.field_history.FieldHistory"]
    sources = {"notifyaudit.sources.field_history.RelayedFieldHistory": mapping}
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": sources}


@pytest.mark.usefixtures("relayed")
def test_django_field_history_is_seen_by_the_trigger():
    with audit_context(actor="import", correlation_id="job-7"):
        one = TrackedInspection.objects.create(name="Tower 7", price="12.50")
        one.status = "completed"
        one.save()
        # No save(), of which its tracker would know.
        latest = FieldHistory.objects.filter(field_name="price").latest("pk")
        latest.pk, latest.serialized_data = None, latest.serialized_data.replace("12.50", "13.00")
        FieldHistory.objects.bulk_create([latest])
    events = taken_up("field_history")
    assert [(event.action, event.target) for event in events] == [
        ("upstream.scheduled", one),
        ("upstream.completed", one),
        ("upstream.repriced", one),
    ]
    assert events[1].changes == {"status": ["draft", "completed"]}
    assert events[2].changes == {"price": ["12.50", "13.00"]}
    assert {(event.actor_repr, event.correlation_id) for event in events} == {("import", "job-7")}
    assert not Sighting.objects.exists()


@pytest.mark.usefixtures("relayed")
def test_a_row_of_field_history_that_is_gone_is_no_event():
    TrackedInspection.objects.create(name="Tower 7")
    FieldHistory.objects.all().delete()
    assert not taken_up("field_history")
    assert not Sighting.objects.exists()


def test_rows_that_were_reported_with_the_save_are_not_told_twice():
    TrackedInspection.objects.create(name="Tower 7")
    assert Sighting.objects.filter(source="field_history").exists()
    assert len(taken_up("field_history")) == 1
    assert not Sighting.objects.exists()


def test_rows_of_django_field_history_are_relayed():
    FieldHistory.objects.bulk_create(
        FieldHistory(
            object_id="7",
            content_type=ContentType.objects.get_for_model(Change),
            field_name=name,
            serialized_data='[{"fields": {"x": "open sesame"}}]',
        )
        for name in ("status", "access_token")
    )
    first, second = Sighting.objects.filter(source="field_history").order_by("pk")
    assert (first.model, first.after["field_name"]) == ("field_history.FieldHistory", "status")
    assert "open sesame" in first.after["serialized_data"]
    assert second.after["serialized_data"] == MASK
