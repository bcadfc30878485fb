"""django-auditlog: its texts as values, what it masks, and what only its log entries tell."""

from datetime import UTC, date, datetime
from io import StringIO

import pytest
from auditlog.context import disable_auditlog, set_extra_data
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from auditlog.signals import accessed, post_log
from django.core import checks
from django.core.management import call_command
from django.db import IntegrityError, transaction

from example_site.inspections.models import Building as RelatedBuilding
from notifyaudit.identity import id_of
from notifyaudit.masking import MASK
from notifyaudit.models import AuditEvent
from tests.example.factories import make_user
from tests.sources.upstream.models import Building, LoggedInspection, Tag

pytestmark = pytest.mark.django_db


def events():
    return list(AuditEvent.objects.filter(source="auditlog").order_by("pk"))


def changed(**values):
    """The stored changes of an object that gets these values."""
    inspection = LoggedInspection.objects.create(name="Tower 7")
    for name, value in values.items():
        setattr(inspection, name, value)
    inspection.save()
    return events()[-1].changes


@pytest.fixture
def registered():
    """Registers the model anew, with other options."""
    auditlog.unregister(LoggedInspection)
    yield lambda **options: auditlog.register(LoggedInspection, **options)
    auditlog.unregister(LoggedInspection)
    auditlog.register(LoggedInspection, m2m_fields={"tags"})


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        ({"price": "12.5"}, {"price": ["0.00", "12.50"]}),
        ({"is_urgent": True}, {"is_urgent": [False, True]}),
        ({"due_on": date(2026, 12, 24)}, {"due_on": [None, "2026-12-24"]}),
        (
            {"visited_at": datetime(2026, 12, 24, 9, 30, tzinfo=UTC)},
            {"visited_at": [None, "2026-12-24T09:30:00+00:00"]},
        ),
        ({"facts": {"floors": 7}}, {"facts": [{}, {"floors": 7}]}),
        ({"name": "None"}, {"name": ["Tower 7", "None"]}),
    ],
    ids=lambda case: next(iter(case)),
)
@pytest.mark.parametrize("stores_json", [False, True], ids=["texts", "json"])
def test_texts_become_values(settings, values, stored, stores_json):
    settings.AUDITLOG_STORE_JSON_CHANGES = stores_json

    assert changed(**values) == stored


def test_a_foreign_key_becomes_a_reference():
    building = Building.objects.create(name="Town hall")

    assert changed(building=building) == {
        "building": [None, {"type": "upstream.Building", "id": str(building.pk), "repr": "Town hall"}]
    }


def test_a_foreign_key_that_was_kept_as_a_name_stays_one(settings):
    settings.AUDITLOG_USE_FK_STRING_REPRESENTATION = True

    assert changed(building=Building.objects.create(name="Town hall")) == {"building": [None, "Town hall"]}


def test_what_the_package_masks_is_masked_whole(registered):
    registered(mask_fields=["name"])

    assert changed(name="Tower 8") == {"name": ["********", "********"]}


def test_a_creation_tells_what_the_object_came_with():
    LoggedInspection.objects.create(name="Tower 7")

    (event,) = events()
    assert set(event.changes) == {"name", "status", "price", "is_urgent", "facts"}


def test_a_many_to_many_change_is_seen_though_its_signal_is_silent():
    heard = []
    receiver = lambda **details: heard.append(details)  # noqa: E731
    inspection = LoggedInspection.objects.create(name="Tower 7")
    post_log.connect(receiver)
    inspection.tags.add(Tag.objects.create(name="fire"))
    inspection.tags.set([Tag.objects.create(name="lift")])
    post_log.disconnect(receiver)

    assert [event.changes["tags"] for event in events()[1:]] == [
        [[], ["fire"]],
        [["fire"], []],
        [[], ["lift"]],
    ]
    assert not heard


def test_looking_at_an_object_is_no_event():
    inspection = LoggedInspection.objects.create(name="Tower 7")
    accessed.send(LoggedInspection, instance=inspection)

    assert LogEntry.objects.filter(action=LogEntry.Action.ACCESS).count() == 1
    assert len(events()) == 1


def test_an_object_of_another_model_is_none():
    LogEntry.objects.log_create(Building.objects.create(name="Town hall"), force_log=True, action=0)

    assert not events()


def test_the_circumstances_come_along():
    with set_extra_data({"actor": make_user("ines"), "remote_addr": "192.0.2.7", "cid": "request-7"}):
        LoggedInspection.objects.create(name="Tower 7")

    (event,) = events()
    assert event.actor.username == "ines"
    assert event.metadata == {"remote_addr": "192.0.2.7"}
    assert event.correlation_id == "request-7"


def test_additional_data_comes_along(monkeypatch):
    monkeypatch.setattr(LoggedInspection, "get_additional_data", lambda self: {"floor": 7}, raising=False)
    LoggedInspection.objects.create(name="Tower 7")

    assert events()[0].data == {"floor": 7}


def test_the_correlation_id_is_that_of_the_request(client):
    inspection = LoggedInspection.objects.create(name="Tower 7")
    client.force_login(make_user("ines"))
    client.post(f"/complete/loggedinspection/{inspection.pk}/", headers={"x-correlation-id": "request-7"})

    assert events()[-1].correlation_id == "request-7"
    assert events()[-1].metadata["remote_addr"] == "127.0.0.1"


def test_the_object_is_as_it_was_meant_although_the_entry_comes_before_the_row():
    inspection = LoggedInspection.objects.create(name="Tower 7")
    inspection.name = "Tower 8"
    inspection.save()

    assert events()[-1].target_repr == "Tower 8"


def test_a_deletion_keeps_the_values():
    LoggedInspection.objects.create(name="Tower 7", price=7).delete()

    event = events()[-1]
    assert event.action == "upstream.removed"
    assert event.target.name == "Tower 7"
    assert event.snapshot["price"] == "7"


def test_an_object_that_is_gone_is_still_named_by_the_backfill():
    inspection = LoggedInspection.objects.create(name="Tower 7")
    inspection.price = 7
    inspection.save()
    LoggedInspection.objects.filter(pk=inspection.pk)._raw_delete("default")
    AuditEvent.objects.all()._raw_delete("default")
    call_command("notifyaudit", "backfill", "auditlog", stdout=StringIO())

    assert [(event.target_id, event.target_repr) for event in events()] == [
        (str(inspection.pk), "Tower 7")
    ] * 2


def test_an_object_keeps_the_name_that_it_had():
    inspection = LoggedInspection.objects.create(name="Tower 7")
    inspection.price = 7
    inspection.save()
    LoggedInspection.objects.update(name="Tower 8")
    AuditEvent.objects.all()._raw_delete("default")
    call_command("notifyaudit", "backfill", "auditlog", stdout=StringIO())

    assert [event.target_repr for event in events()] == ["Tower 7", "Tower 7"]


@pytest.fixture
def telling(monkeypatch):
    """What the model is called tells a sensitive field."""
    monkeypatch.setattr(LoggedInspection, "__str__", lambda self: f"{self.name}, {self.access_token}")


def taken_over():
    AuditEvent.objects.all()._raw_delete("default")
    call_command("notifyaudit", "backfill", "auditlog", stdout=StringIO())
    return events()


@pytest.mark.usefixtures("telling")
@pytest.mark.parametrize("is_gone", [True, False])
def test_a_name_of_then_tells_no_secret_of_then(is_gone):
    inspection = LoggedInspection.objects.create(name="Tower 7", access_token="first-secret")
    inspection.access_token = "second-secret"
    inspection.save()
    inspection.price = 7
    inspection.save()
    if is_gone:
        LoggedInspection.objects.filter(pk=inspection.pk)._raw_delete("default")
    else:
        LoggedInspection.objects.update(access_token="third-secret")

    assert [event.target_repr for event in taken_over()] == [f"Tower 7, {MASK}"] * 3


@pytest.mark.usefixtures("telling")
@pytest.mark.parametrize("options", [{"exclude_fields": ["access_token"]}, {"mask_fields": ["access_token"]}])
def test_a_name_that_may_tell_what_was_not_logged_is_not_taken(registered, options):
    registered(**options)
    inspection = LoggedInspection.objects.create(name="Tower 7", access_token="first-secret")
    assert events()[0].target_repr == f"Tower 7, {MASK}"
    key = inspection.pk
    inspection.delete()

    assert events()[1].target_repr == f"logged inspection {key}"
    assert {event.target_repr for event in taken_over()[1:]} == {f"logged inspection {key}"}


def test_a_deletion_keeps_no_values_that_were_not_logged(registered):
    registered(include_fields=["status"])
    inspection = LoggedInspection.objects.create(name="Tower 7", status="completed")
    key = inspection.pk
    inspection.delete()

    assert events()[-1].snapshot == {"id": key, "status": "completed"}


def test_a_key_that_is_a_secret_is_told_by_its_digest(monkeypatch):
    monkeypatch.setattr(LoggedInspection, "notifyaudit_sensitive_fields", ("id",), raising=False)
    inspection = LoggedInspection.objects.create(name="Tower 7", pk=8127364)
    inspection.price = 7
    inspection.save()
    expected = id_of(inspection)
    inspection.delete()

    assert [event.target_id for event in events()] == [expected] * 3
    assert [event.target_id for event in taken_over()] == [expected] * 3


def test_the_ancestors_are_those_of_the_change_although_the_row_is_not_written_yet(monkeypatch):
    monkeypatch.setattr(LoggedInspection, "notifyaudit_parent", "building", raising=False)
    inspection = LoggedInspection.objects.create(name="Tower 7")
    inspection.building = Building.objects.create(name="Town hall")
    inspection.save()

    assert [ancestor["repr"] for ancestor in events()[-1].ancestors] == ["Town hall"]


def test_what_the_package_writes_of_relations_that_lead_here_is_left_out(settings):
    path = "notifyaudit.sources.auditlog.Auditlog"
    lines = {"inspections.Building.created": "upstream.scheduled"}
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {path: lines}}
    auditlog.register(RelatedBuilding)
    try:
        RelatedBuilding.objects.create(name="Town hall", owner=make_user("olga"))
    finally:
        auditlog.unregister(RelatedBuilding)

    assert "inspections" in LogEntry.objects.latest("pk").changes
    assert set(events()[-1].changes) == {"name", "owner"}


def test_a_refused_row_leaves_nothing_in_a_transaction():
    inspection = LoggedInspection.objects.create(name="Tower 7")
    inspection.status = None
    with pytest.raises(IntegrityError), transaction.atomic():
        inspection.save()

    assert len(events()) == 1


def test_what_is_switched_off_is_not_seen():
    with disable_auditlog():
        LoggedInspection.objects.create(name="Tower 7")

    assert not events()


def test_the_checks_tell_what_will_never_be_seen(settings, registered):
    registered(exclude_fields=["price"])
    path = "notifyaudit.sources.auditlog.Auditlog"
    lines = {**settings.NOTIFYAUDIT["SOURCES"][path], "upstream.Building.created": "upstream.scheduled"}
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {path: lines}}
    found = [message.msg for message in checks.run_checks() if message.id == "notifyaudit.W008"]

    assert len(found) == 2
    assert "auditlog does not log 'price' of upstream.LoggedInspection" in found[0]
    assert "upstream.Building is not registered with auditlog" in found[1]
