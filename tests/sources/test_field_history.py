"""django-field-history: rows that no signal tells of, one a field."""

import pickle
from io import StringIO
from uuid import uuid4

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import models, transaction
from django.db.models.signals import post_save
from field_history.models import FieldHistory
from field_history.tracker import FieldHistoryTracker

from notifyaudit.identity import id_of
from notifyaudit.models import AuditEvent
from tests.example.factories import make_user
from tests.sources.upstream.models import TrackedInspection

pytestmark = pytest.mark.django_db


def events():
    return list(AuditEvent.objects.filter(source="field_history").order_by("pk"))


def test_a_new_object_is_one_event_with_all_tracked_fields():
    TrackedInspection.objects.create(name="Tower 7", price=7, is_urgent=True)

    (event,) = events()
    assert event.action == "upstream.scheduled"
    assert event.changes == {"name": [None, "Tower 7"], "status": [None, "draft"], "price": [None, "7.00"]}
    assert FieldHistory.objects.count() == 5


def test_an_update_is_one_event_per_field():
    inspection = TrackedInspection.objects.create(name="Tower 7")
    inspection.price, inspection.status = 7, "completed"
    inspection.save()

    assert sorted((event.action, str(event.changes)) for event in events()[1:]) == [
        ("upstream.completed", "{'status': ['draft', 'completed']}"),
        ("upstream.repriced", "{'price': ['0.00', '7.00']}"),
    ]


def test_a_field_that_is_not_tracked_is_no_event():
    inspection = TrackedInspection.objects.create(name="Tower 7")
    inspection.is_urgent = True
    inspection.save()

    assert len(events()) == 1


def test_the_user_is_the_one_of_the_instance():
    inspection = TrackedInspection(name="Tower 7")
    inspection._field_history_user = make_user("ines")
    inspection.save()

    assert events()[0].actor.username == "ines"


def test_what_a_save_within_a_save_writes_is_reported_with_its_own_object():
    other = TrackedInspection(name="Tower 8")

    def save_the_other(instance, created, **_):
        if instance is not other:
            other.save()

    post_save.connect(save_the_other, sender=TrackedInspection)
    try:
        TrackedInspection(name="Tower 7").save()
    finally:
        post_save.disconnect(save_the_other, sender=TrackedInspection)

    assert [(event.target_repr, event.action) for event in events()] == [
        ("Tower 8", "upstream.scheduled"),
        ("Tower 7", "upstream.scheduled"),
    ]


def test_initial_rows_are_not_reported():
    with transaction.atomic():
        TrackedInspection.objects.bulk_create([TrackedInspection(name="Tower 7")])
    call_command("createinitialfieldhistory", verbosity=0)

    assert FieldHistory.objects.count() == 5
    assert not events()


def test_a_field_without_an_earlier_row_is_compared_with_what_it_held():
    inspection = TrackedInspection.objects.create(name="Tower 7")
    FieldHistory.objects.filter(field_name="price").delete()
    FieldHistory.objects.update(date_created="2026-01-01T00:00Z")
    inspection.price = 7
    inspection.save()

    assert events()[-1].changes == {"price": ["0.00", "7.00"]}
    AuditEvent.objects.all()._raw_delete("default")
    call_command("notifyaudit", "backfill", "field_history", stdout=StringIO())
    assert events()[-1].changes == {"price": [None, "7.00"]}


def test_an_object_from_before_the_tracker_is_not_created_by_its_first_change():
    olga = make_user("olga")
    TrackedInspection.objects.bulk_create([TrackedInspection(name="Tower 7", owner=olga)])
    inspection = TrackedInspection.objects.get()
    inspection.status, inspection.owner = "completed", None
    inspection.save()

    by_action = {event.action: event.changes for event in events()}
    assert by_action["upstream.completed"] == {"status": ["draft", "completed"]}
    assert by_action["upstream.edited"]["owner"][0]["id"] == str(olga.pk)
    assert by_action["upstream.edited"]["owner"][1] is None
    assert len(events()) == 2


def test_the_checks_tell_of_keys_that_are_there_before_the_save(monkeypatch):
    def told():
        messages = [message.msg for message in checks.run_checks() if message.id == "notifyaudit.W008"]
        return [message for message in messages if "has its primary key before it is saved" in message]

    assert not told()
    monkeypatch.setattr(TrackedInspection._meta, "pk", models.UUIDField(default=uuid4))
    assert len(told()) == 1


def test_deferred_fields_break_the_package_itself(settings):
    TrackedInspection.objects.create(name="Tower 7")
    settings.NOTIFYAUDIT = {"BASE_URL": "https://site.example"}

    with pytest.raises(RecursionError):
        TrackedInspection.objects.only("pk").get()


def test_reading_an_instance_reads_its_tracked_foreign_keys(django_assert_num_queries):
    TrackedInspection.objects.create(name="Tower 7", owner=make_user("olga"))
    with django_assert_num_queries(2):
        TrackedInspection.objects.get()


def test_the_middleware_leaves_its_user_in_the_thread(client):
    inspection = TrackedInspection.objects.create(name="Tower 7")
    client.force_login(make_user("ines"))
    client.post(f"/complete/trackedinspection/{inspection.pk}/")
    TrackedInspection.objects.create(name="Tower 8")

    assert events()[-1].actor.username == "ines"


def test_instances_cannot_be_pickled_with_or_without_a_source(settings):
    inspection = TrackedInspection.objects.create(name="Tower 7")
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(inspection)
    settings.NOTIFYAUDIT = {"BASE_URL": "https://site.example"}
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(TrackedInspection.objects.get())


def test_the_backfill_takes_initial_rows_for_creations():
    TrackedInspection.objects.bulk_create([TrackedInspection(name="Tower 7")])
    call_command("createinitialfieldhistory", verbosity=0)
    call_command("notifyaudit", "backfill", "field_history", stdout=StringIO())

    assert [event.action for event in events()] == ["upstream.scheduled"]


def test_disconnecting_gives_the_tracker_its_own_method_back(settings):
    before = TrackedInspection.objects.create(name="Tower 7")
    settings.NOTIFYAUDIT = {"BASE_URL": "https://site.example"}
    before.price = 7
    before.save()

    assert len(events()) == 1
    assert TrackedInspection.field_history.patch_save.__func__ is FieldHistoryTracker.patch_save


def test_a_key_that_is_a_secret_is_told_by_its_digest(monkeypatch):
    monkeypatch.setattr(TrackedInspection, "notifyaudit_sensitive_fields", ("id",), raising=False)
    inspection = TrackedInspection.objects.create(name="Tower 7")
    expected = id_of(inspection)
    TrackedInspection.objects.filter(pk=inspection.pk)._raw_delete("default")
    AuditEvent.objects.all()._raw_delete("default")
    FieldHistory.objects.update(date_created="2026-01-01T00:00Z")
    call_command("notifyaudit", "backfill", "field_history", stdout=StringIO())

    assert [event.target_id for event in events()] == [expected]


def test_the_checks_tell_what_will_never_be_seen(settings):
    path = "notifyaudit.sources.field_history.FieldHistory"
    lines = {
        "upstream.TrackedInspection.deleted": "upstream.removed",
        "upstream.TrackedInspection.is_urgent": "upstream.edited",
        "upstream.Building.created": "upstream.scheduled",
    }
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {path: lines}}
    found = [message.msg for message in checks.run_checks() if message.id == "notifyaudit.W008"]

    assert len(found) == 3
    assert "keeps no deletions" in found[0]
    assert "upstream.TrackedInspection does not track 'is_urgent'" in found[1]
    assert "upstream.Building has no FieldHistoryTracker" in found[2]
