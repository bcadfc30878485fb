"""What the triggers of ``audit_table()`` see, and what becomes of it."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.core import checks
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import isolate_apps

from notifyaudit import audit_context
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.masking import MASK
from notifyaudit.models import Sighting
from notifyaudit.sources import audit_table
from notifyaudit.sources.restoring import python_value
from tests.example.factories import make_user
from tests.sources.postgres import source_named, taken_up
from tests.sources.upstream.actions import InspectionAction
from tests.sources.upstream.emails import InspectionEmail
from tests.sources.upstream.models import Building

if connection.vendor != "postgresql":
    pytest.skip("triggers need PostgreSQL", allow_module_level=True)

from django.contrib.postgres.fields import (
    ArrayField,
    DateRangeField,
    DateTimeRangeField,
    DecimalRangeField,
    IntegerRangeField,
)

from tests.sources.triggers.models import (
    Keyed,
    NarrowInspection,
    SightedInspection,
    SpecialInspection,
    Typed,
)

pytestmark = pytest.mark.django_db


def events():
    return taken_up("tables")


def told():
    return [(event.action, event.changes) for event in events()]


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def make(model=SightedInspection, **values):
    """An object whose creation is not of interest."""
    made = model.objects.create(**{"name": "Tower 7", **values})
    Sighting.objects.all().delete()
    return made


def test_creation_tells_what_the_row_came_with():
    SightedInspection.objects.create(name="Tower 7", price="12.50", due_on=date(2026, 12, 24))
    (event,) = events()
    assert event.action == InspectionAction.SCHEDULED
    assert event.target_repr == "Tower 7"
    assert event.changes["price"] == [None, "12.50"]
    assert event.changes["due_on"] == [None, "2026-12-24"]
    assert "visited_at" not in event.changes


@pytest.mark.parametrize(
    "write",
    [
        lambda one: SightedInspection.objects.filter(pk=one.pk).update(price=7),
        lambda one: SightedInspection.objects.update(price=F("price") + 2),
        lambda one: SightedInspection.objects.bulk_update([SightedInspection(pk=one.pk, price=7)], ["price"]),
        lambda one: sql("UPDATE triggers_sightedinspection SET price = 7 WHERE id = %s", one.pk),
        lambda one: sql(
            "WITH x AS (UPDATE triggers_sightedinspection SET price = 7 WHERE id = %s RETURNING id) SELECT * "
            "FROM x",
            one.pk,
        ),
        lambda one: SightedInspection.objects.update_or_create(pk=one.pk, defaults={"price": 7}),
    ],
    ids=["update", "expression", "bulk_update", "raw", "cte", "update_or_create"],
)
def test_every_way_to_write_is_seen(write):
    write(make(price=5))
    assert told() == [(InspectionAction.EDITED, {"price": ["5.00", "7.00"]})]


def test_bulk_creation_is_seen():
    SightedInspection.objects.bulk_create(SightedInspection(name=f"Tower {n}") for n in range(3))
    assert [event.target_repr for event in events()] == ["Tower 0", "Tower 1", "Tower 2"]


def test_a_foreign_key_is_told_by_reference():
    building, owner = Building.objects.create(name="Town hall"), make_user("olga")
    one = make(building=building)
    SightedInspection.objects.filter(pk=one.pk).update(building=None, owner=owner)
    (event,) = events()
    assert event.changes["building"][0]["repr"] == "Town hall"
    assert event.changes["owner"][1] == {"type": "inspections.User", "id": str(owner.pk), "repr": str(owner)}


def test_a_deleted_row_keeps_its_values():
    one = make(price="12.50", access_token="hidden-1")
    key = one.pk
    SightedInspection.objects.all().delete()
    (event,) = events()
    assert (event.action, event.target_id) == (InspectionAction.REMOVED, str(key))
    assert event.snapshot["price"] == "12.50"
    assert event.target.name == "Tower 7"


def test_what_the_database_cascades_is_seen():
    building = Building.objects.create(name="Town hall")
    make(building=building)
    building.delete()
    assert [event.action for event in events()] == [InspectionAction.REMOVED]


def test_saving_the_same_values_is_not_seen():
    make().save()
    assert not Sighting.objects.exists()


def test_only_the_named_fields_count():
    one = make(NarrowInspection, price=5)
    NarrowInspection.objects.filter(pk=one.pk).update(name="Tower 8", is_urgent=True)
    assert not Sighting.objects.exists()
    NarrowInspection.objects.filter(pk=one.pk).update(name="Tower 9", price=6, status="completed")
    assert told() == [
        (InspectionAction.COMPLETED, {"price": ["5.00", "6.00"], "status": ["draft", "completed"]})
    ]


def test_rolled_back_it_never_was():
    one = make()
    with pytest.raises(RuntimeError), transaction.atomic():
        SightedInspection.objects.filter(pk=one.pk).update(price=1)
        raise RuntimeError
    assert not events()


def test_each_table_of_an_inherited_model_tells_its_own_columns():
    one = SpecialInspection.objects.create(name="Tower 7", hazard="gas")
    SpecialInspection.objects.filter(pk=one.pk).update(hazard="fire")
    SpecialInspection.objects.filter(pk=one.pk).update(name="Tower 8")
    assert [(event.target_type, event.changes) for event in events()[2:]] == [
        ("triggers.SpecialInspection", {"hazard": ["gas", "fire"]}),
        ("triggers.SightedInspection", {"name": ["Tower 7", "Tower 8"]}),
    ]


def values(**changed):
    return {
        "exact": Decimal("12345678901234.1000"),
        "inexact": 0.1,
        "day": date(2026, 12, 24),
        "moment": datetime(2026, 12, 24, 8, 30, tzinfo=UTC),
        "hour": time(8, 30),
        "span": timedelta(days=1, hours=2),
        "blob": b"\x00\x01",
        "names": ["a", "b"],
        "prices": [Decimal("1.10")],
        "facts": {"share": 0.5, "deep": [1, {"a": None}]},
        "address": "2001:db8::1",
        **changed,
    }


def test_values_are_told_as_record_would_tell_them():
    one = Typed.objects.create(**values())
    created = {name: new for name, (_, new) in events()[0].changes.items()}
    Typed.objects.all().delete()
    rebuilt = events()[-1].target
    assert created["exact"] == "12345678901234.1000"
    assert created["inexact"] == 0.1
    assert created["moment"] == "2026-12-24T08:30:00+00:00"
    assert created["span"] == "1 02:00:00"
    assert created["blob"] == "2 bytes"
    assert created["prices"] == ["1.10"]
    assert created["facts"] == {"share": 0.5, "deep": [1, {"a": None}]}
    assert created["doubled"] == "24691357802468.2000"
    assert rebuilt.pk == one.pk
    assert "renewed_at" not in created


def test_a_new_primary_key_is_told_with_the_old_one():
    Keyed.objects.create(name="old")
    Keyed.objects.filter(pk="old").update(name="new")
    (_, event) = events()
    assert (event.target_id, event.changes) == ("new", {"name": ["old", "new"]})


def test_no_secret_is_kept_anywhere():
    Keyed.objects.create(name="a", access_token="swordfish", pin=4711)
    Keyed.objects.update(access_token="open sesame", pin=4712)
    Keyed.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(s::text, '') FROM notifyaudit_sighting AS s")
        (kept,) = cursor.fetchone()
    created, updated, deleted = events()
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, '') FROM notifyaudit_auditevent AS e")
        kept += cursor.fetchone()[0]
    for secret in ("swordfish", "open sesame", "4711", "4712"):
        assert secret not in kept
    assert created.changes["pin"] == [MASK, MASK]
    assert updated.changes == {"access_token": [MASK, MASK], "pin": [MASK, MASK]}
    assert deleted.snapshot["access_token"] == MASK


def test_a_secret_that_did_not_change_is_not_told():
    make(access_token="swordfish", price=5)
    SightedInspection.objects.update(price=7)
    assert told() == [(InspectionAction.EDITED, {"price": ["5.00", "7.00"]})]


def test_a_setting_that_hides_more_is_found_by_makemigrations(settings):
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SENSITIVE_FIELDS": ["price", "token", "pin"]}
    with pytest.raises(SystemExit):
        call_command("makemigrations", "triggers", check=True, dry_run=True, verbosity=0)


def test_events_of_an_object_follow_each_other_as_its_changes_did():
    one = make(price=0)
    for price in range(1, 8):
        SightedInspection.objects.filter(pk=one.pk).update(price=price)
    prices = [event.changes["price"] for event in events()]
    assert prices == [[f"{n}.00", f"{n + 1}.00"] for n in range(7)]


def test_the_moment_is_that_of_the_change():
    SightedInspection.objects.create(name="Tower 7")
    moment = Sighting.objects.get().seen_at
    (event,) = events()
    assert event.occurred_at == moment < event.recorded_at


def test_changes_of_one_transaction_share_a_correlation_id():
    SightedInspection.objects.create(name="Tower 7")
    SightedInspection.objects.update(price=7)
    first, second = events()
    assert first.correlation_id == second.correlation_id != ""


def test_statements_do_not_grow_with_the_rows(django_assert_max_num_queries):
    def count(number):
        building = Building.objects.create(name="Town hall")
        SightedInspection.objects.bulk_create(
            SightedInspection(name=f"Tower {n}", building=building) for n in range(number)
        )
        SightedInspection.objects.update(building=None)
        with django_assert_max_num_queries(40) as queries:
            events()
        return len(queries)

    assert count(2) == count(60)


def test_mail_of_a_bulk_update_goes_out(audit_outbox):
    make()
    SightedInspection.objects.filter(status="draft").update(status="completed")
    assert audit_outbox.recorded(InspectionAction.COMPLETED)
    email = audit_outbox.one(InspectionEmail, action=InspectionAction.COMPLETED)
    email.assert_subject("upstream.completed: Tower 7")


@isolate_apps("tests.sources.triggers")
def test_a_table_of_its_own_is_needed():
    class Proxy(SightedInspection):
        class Meta:
            proxy = True
            app_label = "triggers"

    with pytest.raises(ConfigurationError, match="a proxy has no table of its own"):
        audit_table(Proxy)


def test_no_fields_are_no_condition():
    with pytest.raises(ConfigurationError, match=r"audit_table\(Building\): fields is empty"):
        audit_table(Building, fields=[])


def test_a_field_that_is_not_in_the_table_is_named():
    with pytest.raises(ConfigurationError, match=r"no column for 'hazzard'\. Did you mean 'hazard'\?"):
        audit_table(SpecialInspection, fields=["hazzard"])
    with pytest.raises(ConfigurationError, match="no column for 'name'"):
        audit_table(SpecialInspection, fields=["name"])


def test_a_mapped_model_without_triggers_is_told():
    from notifyaudit.sources.tables import Tables

    (problem, *others) = Tables({"upstream.Building.updated": "upstream.edited"}).problems()
    assert "upstream.Building has no triggers. Call audit_table(Building)" in problem
    assert any("the mapping names nothing of triggers.Keyed" in other for other in others)


def test_triggers_that_feed_no_source_are_told(settings):
    def found():
        return [message.msg for message in checks.run_checks() if message.id == "notifyaudit.W009"]

    assert not found()
    others = {path: lines for path, lines in settings.NOTIFYAUDIT["SOURCES"].items() if "Tables" not in path}
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": others}
    assert any("triggers.Keyed has triggers for the source 'tables'" in text for text in found())


def test_without_pgtrigger_as_an_app_there_are_no_triggers(monkeypatch):
    installed = apps.is_installed
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "pgtrigger" and installed(name))
    problems = source_named("tables").problems()
    assert any("add 'pgtrigger' to INSTALLED_APPS" in problem for problem in problems)


def test_a_moment_is_told_alike_whatever_the_time_zone_of_who_writes():
    sql("SET LOCAL TIME ZONE 'Asia/Tokyo'")
    one = make(visited_at=datetime(2026, 12, 24, 10, tzinfo=UTC))
    sql("UPDATE triggers_sightedinspection SET visited_at = '2026-12-24 11:00Z' WHERE id = %s", one.pk)
    assert told()[0][1] == {"visited_at": ["2026-12-24T10:00:00+00:00", "2026-12-24T11:00:00+00:00"]}


def test_without_time_zones_a_moment_has_none(settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Tokyo"
    field = SightedInspection._meta.get_field("visited_at")
    assert python_value(field, "2026-12-24T10:00:00+00:00") == datetime(2026, 12, 24, 19)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (IntegerRangeField(), "int4range(1, 5)"),
        (IntegerRangeField(), "int4range(NULL, 5)"),
        (IntegerRangeField(), "int4range(1, 1)"),
        (DecimalRangeField(), "numrange(1.10, 2.50, '(]')"),
        (DateRangeField(), "daterange('2026-12-24', NULL)"),
        (DateTimeRangeField(), "tstzrange('2026-12-24 10:00Z', '2026-12-24 11:00:00.5Z')"),
        (ArrayField(IntegerRangeField()), "array[int4range(1, 5)]"),
    ],
)
def test_a_range_is_that_which_django_reads(field, text):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {text}, to_jsonb({text})")
        read, kept = cursor.fetchone()
    assert python_value(field, json.loads(kept)) == read


def test_who_acts_is_handed_over():
    user = make_user("ines")
    with audit_context(actor=user, correlation_id="request-7", metadata={"url": "/x/", "password": "1"}):
        SightedInspection.objects.create(name="Tower 7")
    (event,) = events()
    assert (event.actor, event.actor_repr) == (user, str(user))
    assert event.correlation_id == "request-7"
    assert event.metadata == {"url": "/x/", "password": MASK}


def test_the_source_keeps_no_history():
    with pytest.raises(NotImplementedError):
        source_named("tables").history()


def test_triggers_do_not_see_what_is_ignored():
    import pgtrigger

    with pgtrigger.ignore():
        SightedInspection.objects.create(name="Tower 7")
    assert not events()


def test_models_are_found_by_their_label_when_one_is_gone():
    make()
    sql("SELECT notifyaudit_sighted('tables', 'triggers.Vanished', 'INSERT', NULL, '{}')")
    assert not events()
    assert "names nothing of triggers.Vanished" in Sighting.objects.get().error


def test_a_model_of_another_database_is_told(settings):
    from notifyaudit.sources.tables import Tables

    class Router:
        def db_for_write(self, model, **hints):
            return "elsewhere"

    settings.DATABASE_ROUTERS = [Router()]
    (problem,) = (
        text for text in Tables({"triggers.Keyed.updated": "upstream.edited"}).problems() if "lives" in text
    )
    assert "triggers.Keyed lives in the database 'elsewhere', the ledger in 'default'" in problem
