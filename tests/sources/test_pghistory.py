"""Events of django-pghistory, on its own machinery."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, models

from notifyaudit import audit_context
from notifyaudit.masking import MASK
from notifyaudit.models import AuditEvent, Notification, Sighting
from notifyaudit.sources.mapping import Kind
from tests.example.factories import make_user
from tests.sources.postgres import source_named, taken_up
from tests.sources.upstream.actions import InspectionAction
from tests.sources.upstream.emails import InspectionEmail
from tests.sources.upstream.models import Building

if connection.vendor != "postgresql":
    pytest.skip("triggers need PostgreSQL", allow_module_level=True)

import pghistory

from notifyaudit.sources import triggers
from tests.sources.triggers.models import (
    ContextlessInspection,
    EventedInspection,
    JsonContextInspection,
    OldRowInspection,
)

pytestmark = pytest.mark.django_db
FACTS = ["source_ref", "action", "actor_id", "target_type", "target_id", "target_repr", "changes", "snapshot"]
FACTS += ["data", "metadata", "occurred_at"]


def events():
    return taken_up("pghistory")


def told():
    return [(event.action, event.changes) for event in events()]


def forget_all_events():
    models.QuerySet(AuditEvent).delete()


def live(model):
    """An object's life, seen or not."""
    building, owner = Building.objects.create(name="Town hall"), make_user("olga")
    one = model.objects.create(name="Tower 7", price=5, building=building)
    model.objects.update(price=7, access_token="swordfish")
    model.objects.bulk_update([model(pk=one.pk, status="completed", owner=owner)], ["status", "owner"])
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {model._meta.db_table} SET name = 'Tower 8', building_id = NULL")
    model.objects.filter(pk=one.pk).update(access_token="open sesame")
    return one


@pytest.mark.parametrize("model", [EventedInspection, OldRowInspection, JsonContextInspection])
def test_old_and_new_are_told_whatever_rows_its_trackers_keep(model):
    live(model)
    owner = events()[2].changes["owner"]
    assert owner[0] is None
    assert owner[1]["type"] == "inspections.User"
    assert [action for action, _ in told()] == [
        InspectionAction.SCHEDULED,
        InspectionAction.EDITED,
        InspectionAction.COMPLETED,
        InspectionAction.EDITED,
        InspectionAction.EDITED,
    ]
    assert [changes for _, changes in told()][1:] == [
        {"price": ["5.00", "7.00"], "access_token": [MASK, MASK]},
        {"status": ["draft", "completed"], "owner": owner},
        {"name": ["Tower 7", "Tower 8"], "building": [events()[0].changes["building"][1], None]},
        {"access_token": [MASK, MASK]},
    ]


@pytest.mark.parametrize("model", [EventedInspection, OldRowInspection, JsonContextInspection])
def test_the_backfill_makes_the_events_that_were_made_live(model):
    live(model)
    before = [dict(zip(FACTS, row, strict=True)) for row in _facts()]
    assert len(before) == 5
    forget_all_events()
    call_command("notifyaudit", "backfill", "pghistory", stdout=StringIO())
    assert [dict(zip(FACTS, row, strict=True)) for row in _facts()] == before
    assert not Notification.objects.exists()


def _facts():
    events()
    return AuditEvent.objects.order_by("source_ref").values_list(*FACTS)


def test_a_deletion_keeps_the_values():
    one = EventedInspection.objects.create(name="Tower 7", access_token="swordfish")
    key = one.pk
    EventedInspection.objects.all().delete()
    event = events()[-1]
    assert (event.action, event.target_id, event.changes) == (InspectionAction.REMOVED, str(key), {})
    assert (event.snapshot["name"], event.snapshot["access_token"]) == ("Tower 7", MASK)


def test_an_excluded_field_is_not_in_the_snapshot():
    OldRowInspection.objects.create(name="Tower 7").delete()
    snapshot = events()[-1].snapshot
    assert snapshot["name"] == "Tower 7"
    assert "facts" not in snapshot


def test_an_update_of_which_nobody_kept_what_was_before_is_told_without_changes():
    one = ContextlessInspection.objects.create(name="Tower 7")
    ContextlessInspection.objects.update(status="completed")
    ContextlessInspection.objects.update(name="Tower 8")
    assert told() == [
        (InspectionAction.EDITED, {}),
        (InspectionAction.EDITED, {"name": ["Tower 7", "Tower 8"]}),
    ]
    assert events()[0].target == one


def test_an_event_made_by_hand_says_its_label_and_is_no_state():
    one = EventedInspection.objects.create(name="Tower 7")
    one.name = "never saved"
    pghistory.create_event(one, label="approved")
    EventedInspection.objects.update(name="Tower 8")
    _, approved, updated = events()
    assert (approved.action, approved.data) == (InspectionAction.EDITED, {"label": "approved"})
    assert (updated.changes, updated.data) == ({"name": ["Tower 7", "Tower 8"]}, {})


@pytest.mark.parametrize("model", [EventedInspection, JsonContextInspection])
def test_the_context_of_pghistory_is_carried_over(model):
    user = make_user("ines")
    with pghistory.context(user=user.pk, url="/inspections/7/", job="import") as context:
        model.objects.create(name="Tower 7")
    (event,) = events()
    assert event.actor == user
    assert event.metadata == {"url": "/inspections/7/", "job": "import"}
    assert event.correlation_id == str(context.id)


def test_a_context_without_a_field_for_it_is_carried_over_too():
    user = make_user("ines")
    ContextlessInspection.objects.create(name="Tower 7")
    with pghistory.context(user=user.pk, url="/inspections/7/"):
        ContextlessInspection.objects.update(name="Tower 8")
    (event,) = events()
    assert (event.actor, event.metadata) == (user, {"url": "/inspections/7/"})


def test_a_user_who_is_gone_remains_by_key():
    user = make_user("ines")
    with pghistory.context(user=user.pk):
        EventedInspection.objects.create(name="Tower 7")
    key = str(user.pk)
    user.delete()
    (event,) = events()
    assert (event.actor_id, event.actor) == (key, None)


def test_a_user_that_is_no_key_is_taken_as_words():
    with pghistory.context(user="nightly job"):
        EventedInspection.objects.create(name="Tower 7")
    (event,) = events()
    assert (event.actor_id, event.actor_repr) == ("", "nightly job")


def test_an_audit_context_comes_before_that_of_pghistory():
    with (
        pghistory.context(user=make_user("ines").pk, url="/a/"),
        audit_context(actor="import", correlation_id="job-7", metadata={"file": "x.csv"}),
    ):
        EventedInspection.objects.create(name="Tower 7")
    (event,) = events()
    assert (event.actor_repr, event.correlation_id) == ("import", "job-7")
    assert event.metadata == {"url": "/a/", "file": "x.csv"}


@pytest.mark.parametrize("model", [EventedInspection, JsonContextInspection, ContextlessInspection])
def test_no_secret_is_kept_in_a_sighting(model):
    with pghistory.context(password="swordfish", url="/a/"):
        fields = {"access_token": "open sesame"} if hasattr(model, "access_token") else {}
        model.objects.create(name="Tower 7", **fields)
        model.objects.update(status="completed")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(s::text, '') FROM notifyaudit_sighting AS s")
        (kept,) = cursor.fetchone()
    assert "swordfish" not in kept
    assert "open sesame" not in kept
    metadata = events()[-1].metadata
    assert metadata == ({} if model is ContextlessInspection else {"password": MASK, "url": "/a/"})


def test_where_nothing_is_sensitive_nothing_is_held_back(monkeypatch):
    monkeypatch.setattr(triggers, "_sensitive_names", list)
    row = triggers.HistoryRelay("pghistory").get_after(ContextlessInspection.pgh_event_model)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pghistory.context_metadata', '{\"url\": \"/a/\"}', true)")
        cursor.execute(f"SELECT {row} FROM (SELECT 7 AS id) AS new")
        (kept,) = cursor.fetchone()
    assert json.loads(kept)[triggers.CONTEXT] == '{"url": "/a/"}'


def test_an_event_row_that_is_gone_by_the_sweep_is_not_lost():
    EventedInspection.objects.create(name="Tower 7")
    EventedInspection.objects.update(name="Tower 8")
    EventedInspection.pgh_event_model.objects.filter(pgh_label="update").delete()
    assert [(event.target_repr, event.changes.get("name")) for event in events()] == [
        ("Tower 7", [None, "Tower 7"]),
        ("Tower 8", ["Tower 7", "Tower 8"]),
    ]


def test_statements_do_not_grow_with_the_events(django_assert_max_num_queries):
    def count(number):
        EventedInspection.objects.bulk_create(EventedInspection(name=f"Tower {n}") for n in range(number))
        EventedInspection.objects.update(name="Tower 7")
        with django_assert_max_num_queries(40) as queries:
            events()
        return len(queries)

    assert count(2) == count(60)


def test_the_history_can_begin_later():
    live(EventedInspection)
    source = source_named("pghistory")
    moment = next(source.history()).occurred_at
    assert not list(source.history(moment + timedelta(days=1)))
    assert len(list(source.history(moment))) == 5
    assert [seen.kind for seen in source.history()][:2] == [Kind.CREATED, Kind.UPDATED]


def test_the_history_is_read_in_portions(monkeypatch):
    monkeypatch.setattr("notifyaudit.sources.pghistory._CHUNK", 2)
    live(EventedInspection)
    references = [seen.reference for seen in source_named("pghistory").history()]
    assert len(references) == len(set(references)) == 5


def test_mail_of_a_bulk_update_goes_out(audit_outbox):
    EventedInspection.objects.create(name="Tower 7")
    EventedInspection.objects.filter(status="draft").update(status="completed")
    email = audit_outbox.one(InspectionEmail, action=InspectionAction.COMPLETED)
    email.assert_subject("upstream.completed: Tower 7")


def test_what_will_not_be_seen_is_told():
    from notifyaudit.sources.pghistory import PgHistory

    problems = "\n".join(
        PgHistory(
            {
                "upstream.Building.updated": "upstream.edited",
                "triggers.ContextlessInspection.deleted": "upstream.removed",
            }
        ).problems()
    )
    assert "upstream.Building is not tracked: decorate it with @pghistory.track()" in problems
    assert "'triggers.ContextlessInspection.deleted' will never be seen" in problems
    assert "Add pghistory.DeleteEvent()" in problems


def test_an_event_model_that_the_mapping_does_not_name_is_kept(settings):
    EventedInspection.objects.create(name="Tower 7")
    only = {"triggers.JsonContextInspection.created": "upstream.scheduled"}
    settings.NOTIFYAUDIT = {
        **settings.NOTIFYAUDIT,
        "SOURCES": {"notifyaudit.sources.pghistory.PgHistory": only},
    }
    assert not events()
    assert (
        "names no model whose events are in 'triggers.EventedInspectionEvent'" in Sighting.objects.get().error
    )
