"""django-simple-history: its bulk helpers, its options, and what its records cannot tell."""

import logging
from datetime import timedelta
from io import StringIO

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import transaction
from django.utils.timezone import now
from simple_history.signals import post_create_historical_record
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from notifyaudit.exceptions import UnknownAction, WrongDatabase
from notifyaudit.models import AuditEvent
from notifyaudit.sources import configured, simple_history
from tests.example.factories import make_user
from tests.sources.settings import mapping
from tests.sources.upstream.models import Building, Crane, HistoricInspection, Ladder, Tag

pytestmark = pytest.mark.django_db

PATH = "notifyaudit.sources.simple_history.SimpleHistory"


def events(**conditions):
    return list(AuditEvent.objects.filter(source="simple_history", **conditions).order_by("pk"))


def backfill():
    call_command("notifyaudit", "backfill", "simple_history", stdout=StringIO())


@pytest.fixture
def connect(settings):
    def connected(*models):
        lines = {key: action for model in models for key, action in mapping(model).items()}
        without = ("status=", "price")
        lines = {key: action for key, action in lines.items() if not any(word in key for word in without)}
        settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {PATH: lines}}
        return configured.sources()[0]

    return connected


def test_a_bulk_create_with_history_is_one_event_per_object():
    made = bulk_create_with_history(
        [HistoricInspection(name=f"Tower {number}", price=number) for number in range(3)],
        HistoricInspection,
        default_user=make_user("ines"),
        default_change_reason="import",
    )

    assert [event.target for event in events()] == list(made)
    assert {event.action for event in events()} == {"upstream.scheduled"}
    assert {event.actor.username for event in events()} == {"ines"}
    assert events()[2].changes["price"] == [None, "2.00"]
    assert events()[2].data == {"reason": "import"}


def test_a_bulk_update_with_history_tells_old_and_new_of_each_object():
    made = bulk_create_with_history(
        [HistoricInspection(name=f"Tower {number}") for number in range(3)], HistoricInspection
    )
    made[0].price, made[1].status = 7, "completed"
    bulk_update_with_history(made, HistoricInspection, ["price", "status"])

    assert [(event.action, event.target_id, event.changes) for event in events()[3:]] == [
        ("upstream.repriced", str(made[0].pk), {"price": ["0.00", "7.00"]}),
        ("upstream.completed", str(made[1].pk), {"status": ["draft", "completed"]}),
    ]


def test_a_rolled_back_bulk_leaves_no_event():
    with transaction.atomic():
        bulk_create_with_history([HistoricInspection(name="Tower 1")], HistoricInspection)
        assert len(events()) == 1
        transaction.set_rollback(True)

    assert not events()


@pytest.mark.one_database
@pytest.mark.django_db(transaction=True)
def test_records_of_a_bulk_without_a_transaction_are_not_kept_without_their_events(settings):
    inspection = HistoricInspection.objects.create(name="Tower 7")
    lines = {"upstream.HistoricInspection.created": "upstream.schedulled"}
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {PATH: lines}}
    with pytest.raises(UnknownAction):
        HistoricInspection.history.bulk_history_create([inspection], default_change_reason="import")

    assert HistoricInspection.history.count() == 1


def test_a_bulk_costs_no_statement_per_object(django_assert_max_num_queries):
    def cost(number):
        objects = [HistoricInspection(name=f"Tower {number}", building=building) for _ in range(number)]
        with django_assert_max_num_queries(30) as context:
            bulk_create_with_history(objects, HistoricInspection)
        return len(context)

    building = Building.objects.create(name="Town hall")
    assert cost(50) == cost(2)


def test_a_bulk_that_leaves_relations_out_changes_none():
    inspection = HistoricInspection.objects.create(name="Tower 7")
    inspection.tags.add(Tag.objects.create(name="fire"))
    inspection.price = 7
    bulk_update_with_history([inspection], HistoricInspection, ["price"])
    inspection.price = 8
    inspection.save()

    changes = [event.changes for event in events()[1:]]
    assert [sorted(each) for each in changes] == [["tags"], ["price"], ["price"]]
    AuditEvent.objects.all()._raw_delete("default")
    backfill()
    assert [event.changes for event in events()[1:]] == changes


def test_a_bulk_that_changes_nothing_is_no_event():
    inspection = HistoricInspection.objects.create(name="Tower 7")
    inspection.tags.add(Tag.objects.create(name="fire"))
    before = events()
    bulk_update_with_history([inspection], HistoricInspection, ["price"])

    assert events() == before


def test_objects_that_were_there_before_are_not_created_by_populate_history(audit_outbox):
    inspection = HistoricInspection(name="Tower 7")
    inspection.save_without_historical_record()
    call_command("populate_history", "upstream.HistoricInspection", stdout=StringIO())
    assert not events()
    backfill()
    assert not events()

    inspection.price = 7
    inspection.save()
    assert [event.changes for event in events()] == [{"price": ["0.00", "7.00"]}]
    audit_outbox.one(to="facility@example.com")


def test_without_an_earlier_record_it_says_what_to_do(caplog):
    inspection = HistoricInspection(name="Tower 7")
    inspection.save_without_historical_record()
    with caplog.at_level(logging.WARNING):
        inspection.save()

    assert not events()
    assert "run populate_history" in caplog.text


def test_a_many_to_many_change_tells_the_objects():
    fire, lift = Tag.objects.create(name="fire"), Tag.objects.create(name="lift")
    inspection = HistoricInspection.objects.create(name="Tower 7")
    inspection.tags.add(fire)
    inspection.tags.set([lift])

    told = [[[tag["repr"] for tag in side] for side in event.changes["tags"]] for event in events()[1:]]
    assert told == [[[], ["fire"]], [["fire"], []], [[], ["lift"]]]


def test_a_reason_and_its_user_come_along():
    inspection = HistoricInspection(name="Tower 7")
    inspection._change_reason, inspection._history_user = "moved in", make_user("ines")
    inspection.save()

    (event,) = events()
    assert event.data == {"reason": "moved in"}
    assert event.actor.username == "ines"


def test_an_empty_reason_in_a_form_hides_no_creation():
    inspection = HistoricInspection(name="Tower 7")
    inspection._change_reason = ""
    inspection.save()

    assert [event.action for event in events()] == ["upstream.scheduled"]


def test_a_secret_is_masked():
    inspection = HistoricInspection.objects.create(name="Tower 7")
    inspection.access_token = "s3cret"
    inspection.save()

    assert events()[1].changes == {"access_token": ["********", "********"]}


def test_a_deletion_keeps_the_values():
    HistoricInspection.objects.create(name="Tower 7", price=7).delete()

    event = events()[1]
    assert event.action == "upstream.removed"
    assert event.snapshot["price"] == "7.00"
    assert event.target.name == "Tower 7"


def test_records_without_a_number_are_told_apart_by_their_date(connect):
    connect("upstream.Crane")
    user = make_user("ines")
    crane = Crane(name="Big", notes="old")
    crane._history_date, crane._history_user = now() - timedelta(days=2), user
    crane.save()
    crane.name = "Bigger"
    crane._history_date = now() - timedelta(days=1)
    crane.save()
    live = [(event.changes, event.actor, event.target_repr) for event in events()]

    assert live == [
        ({"name": [None, "Big"]}, user, "Big (old)"),
        ({"name": ["Big", "Bigger"]}, user, "Bigger (old)"),
    ]
    AuditEvent.objects.all()._raw_delete("default")
    backfill()
    assert [(event.changes, event.actor, event.target_repr) for event in events()] == live


class _Elsewhere:
    """Keeps histories apart from what they are about."""

    def db_for_write(self, model, **hints):
        return "elsewhere" if issubclass(model, HistoricInspection.history.model) else None


def test_the_checks_tell_of_a_history_in_another_database(settings):
    def told():
        messages = [message.msg for message in checks.run_checks() if message.id == "notifyaudit.W008"]
        return [
            message for message in messages if "written to 'elsewhere', the ledger to 'default'" in message
        ]

    assert not told()
    settings.DATABASE_ROUTERS = [_Elsewhere()]
    assert len(told()) == 1


def test_what_was_left_out_of_a_deleted_object_is_not_made_up_by_the_backfill(connect):
    connect("upstream.Crane")
    crane = Crane.objects.create(name="Big", notes="old")
    key = crane.pk
    crane.delete()
    assert events()[-1].snapshot == {"id": key, "name": "Big", "notes": "old"}
    AuditEvent.objects.all()._raw_delete("default")
    backfill()

    assert events()[-1].snapshot == {"id": key, "name": "Big"}


def test_an_inherited_history_is_seen(connect):
    connect("upstream.Ladder")
    ladder = Ladder.objects.create()
    ladder.number = 2
    ladder.save()

    assert [event.changes for event in events()] == [{"number": [None, 1]}, {"number": [1, 2]}]


def test_a_history_in_another_database_is_refused():
    inspection = HistoricInspection.objects.create(name="Tower 7")
    record = inspection.history.get()
    record._state.db = "archive"
    with pytest.raises(WrongDatabase, match="'archive'"):
        post_create_historical_record.send(type(record), instance=inspection, history_instance=record)


def test_a_large_bulk_is_taken_in_portions(monkeypatch):
    monkeypatch.setattr(simple_history, "PAGE", 2)
    made = bulk_create_with_history(
        [HistoricInspection(name=f"Tower {number}") for number in range(5)], HistoricInspection
    )

    assert [event.target for event in events()] == made


def test_what_skips_the_history_is_not_seen():
    inspection = HistoricInspection.objects.create(name="Tower 7")
    inspection.status = "completed"
    inspection.save_without_historical_record()

    assert [event.action for event in events()] == ["upstream.scheduled"]


def test_the_history_of_several_models_is_in_one_order(connect):
    source = connect("upstream.Ladder", "upstream.Crane")
    for name in "abc":
        Crane.objects.create(name=name)
        Ladder.objects.create()

    told = [type(seen.target) for seen in source.history()]
    assert told == [Crane, Ladder] * 3


def test_the_checks_tell_what_will_never_be_seen(settings, connect):
    connect("upstream.Forgetful", "upstream.Building")
    settings.NOTIFYAUDIT["SOURCES"][PATH]["upstream.Crane.notes"] = "upstream.edited"
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT}
    found = [message.msg for message in checks.run_checks() if message.id == "notifyaudit.W008"]

    assert len(found) == 3
    assert "upstream.Forgetful has cascade_delete_history" in found[0]
    assert "upstream.Building has no HistoricalRecords()" in found[1]
    assert "the history of upstream.Crane leaves out 'notes'" in found[2]


def test_a_history_that_is_switched_off_is_told(settings):
    settings.SIMPLE_HISTORY_ENABLED = False
    found = [message.msg for message in checks.run_checks() if message.id == "notifyaudit.W008"]

    assert any("SIMPLE_HISTORY_ENABLED is off" in message for message in found)


def test_disconnecting_gives_the_history_manager_back(settings):
    from inspect import getattr_static

    descriptor = getattr_static(HistoricInspection, "history")
    assert hasattr(descriptor.manager_class, "silent_class")
    settings.NOTIFYAUDIT = {"BASE_URL": "https://site.example"}

    assert not hasattr(descriptor.manager_class, "silent_class")
    bulk_create_with_history([HistoricInspection(name="Tower 7")], HistoricInspection)
    assert not events()
