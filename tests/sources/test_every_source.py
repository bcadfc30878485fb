"""What holds for every source, on the machinery of its package."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import models, transaction

from notifyaudit.models import AuditEvent, Message, Notification, Sighting
from notifyaudit.sources import configured
from notifyaudit.sources.base import _warn_of_autocommit
from notifyaudit.tasks import sweep
from tests.example.factories import make_user
from tests.sources.columns import LISTENING
from tests.sources.upstream.actions import InspectionAction
from tests.sources.upstream.emails import InspectionEmail
from tests.sources.upstream.models import Building, Tag

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.parametrize("column", LISTENING, ids=lambda column: column.source),
]

FACTS = ["source_ref", "action", "actor_id", "target_type", "target_id", "target_repr", "ancestors"]
FACTS += ["changes", "data", "metadata", "occurred_at"]


def source_of(column):
    return next(source for source in configured.sources() if source.name == column.source)


def events(column):
    return AuditEvent.objects.filter(source=column.source).order_by("pk")


def actions(column):
    return [event.action for event in events(column)]


def forget_all_events():
    models.QuerySet(AuditEvent).delete()
    # Triggers see what field-history writes as well, and a sweep would tell of it.
    Sighting.objects.all().delete()


def make(column, **values):
    with column.around():
        return column.model.objects.create(name="Tower 7", **values)


def change(column, inspection, **values):
    for name, value in values.items():
        setattr(inspection, name, value)
    with column.around():
        inspection.save()


def live(column):
    """An object's life, with something of everything."""
    owner = make_user("olga")
    inspection = make(column, price="12.50", building=Building.objects.create(name="Town hall"))
    change(column, inspection, status="ready", price=13)
    change(column, inspection, due_on=date(2026, 12, 24), owner=owner)
    with column.around():
        inspection.tags.add(Tag.objects.create(name="fire"), Tag.objects.create(name="lift"))
    change(column, inspection, status="completed")
    other = make(column)
    with column.around():
        other.delete()
    return inspection


def test_an_event_is_written_with_the_change_and_rolled_back_with_it(column):
    with transaction.atomic():
        inspection = make(column)
        change(column, inspection, status="completed")
        assert actions(column) == ["upstream.scheduled", "upstream.completed"]
        transaction.set_rollback(True)

    assert not events(column).exists()


def test_a_rolled_back_savepoint_leaves_no_event(column):
    inspection = make(column)
    with transaction.atomic():
        change(column, inspection, price=5)
        with pytest.raises(RuntimeError), transaction.atomic():
            change(column, inspection, status="completed")
            raise RuntimeError

    assert actions(column) == ["upstream.scheduled", "upstream.repriced"]


def test_an_event_tells_the_old_and_the_new_value(column):
    inspection = make(column, price="12.50", due_on=date(2026, 12, 24))
    owner = make_user("olga")
    change(column, inspection, price=13)
    change(column, inspection, due_on=None)
    change(column, inspection, owner=owner)

    created, *updates = events(column)
    changes = {name: sides for event in updates for name, sides in event.changes.items()}
    assert created.changes["price"] == [None, "12.50"]
    assert created.changes["name"] == [None, "Tower 7"]
    assert "id" not in created.changes
    assert changes == {
        "price": ["12.50", "13.00"],
        "due_on": ["2026-12-24", None],
        "owner": [None, {"type": "inspections.User", "id": str(owner.pk), "repr": str(owner)}],
    }


def test_an_event_knows_its_object(column):
    inspection = make(column)

    (event,) = events(column)
    assert event.target == inspection
    assert event.target_repr == "Tower 7"


def test_saving_without_a_change_is_no_event(column):
    inspection = make(column)
    change(column, inspection)

    assert actions(column) == ["upstream.scheduled"]


def test_a_row_is_reported_once(column):
    live(column)
    before = list(events(column))
    source = source_of(column)
    source.report(*source.history())

    assert list(events(column)) == before


def test_the_backfill_makes_the_events_that_were_made_live(column):
    live(column)
    before = list(events(column).values(*FACTS))
    forget_all_events()
    call_command("notifyaudit", "backfill", column.source, stdout=StringIO())

    assert list(events(column).values(*FACTS)) == before
    assert len(before) > 4


def test_the_backfill_tells_nobody_and_adds_nothing_twice(column, mailoutbox):
    live(column)
    forget_all_events()
    call_command("notifyaudit", "backfill", column.source, stdout=StringIO())
    number = events(column).count()
    call_command("notifyaudit", "backfill", column.source, stdout=StringIO())
    sweep()

    assert number
    assert events(column).count() == number
    assert not Notification.objects.exists()
    assert not Message.objects.exists()
    assert not mailoutbox


def test_the_history_can_begin_later(column):
    live(column)
    moments = [event.occurred_at for event in events(column)]
    found = [
        seen.occurred_at for seen in source_of(column).history(moments[2]) if source_of(column).is_event(seen)
    ]

    assert found == [moment for moment in moments if moment >= moments[2]]


def test_the_history_costs_no_statement_per_row(column, django_assert_max_num_queries):
    def read():
        with django_assert_max_num_queries(25) as context:
            list(source_of(column).history())
        return len(context)

    inspection = live(column)
    few = read()
    for price in range(20, 40):
        change(column, inspection, price=price, owner=make_user(f"owner{price}"))

    assert read() == few


def test_mail_goes_out_for_a_change(column, audit_outbox):
    inspection = make(column)
    change(column, inspection, status="completed")

    email = audit_outbox.last(InspectionEmail, to="facility@example.com")
    email.assert_subject("upstream.completed: Tower 7")
    email.assert_contains("completed")


def test_a_request_says_who_and_within_what(column, client, settings):
    if column.middleware:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, column.middleware]
    inspection = make(column)
    user = make_user("ines")
    client.force_login(user)
    url = f"/complete/{column.model._meta.model_name}/{inspection.pk}/"
    assert client.post(url, headers={"x-correlation-id": "request-7"}).status_code == 200

    event = events(column).get(action=InspectionAction.COMPLETED)
    assert event.actor == user
    assert event.metadata["url"] == url
    assert event.correlation_id


@pytest.mark.one_database
@pytest.mark.django_db(transaction=True)
def test_a_change_in_autocommit_is_warned_of_once(column, caplog):
    _warn_of_autocommit.cache_clear()
    inspection = make(column)
    for price in (5, 7):
        inspection.price = price
        inspection.save()

    warnings = [each for each in caplog.messages if "outside of a transaction" in each]
    # Without a revision reversion sees nothing.
    assert len(warnings) == (0 if column.source == "reversion" else 1)


def test_a_change_in_a_transaction_is_not_warned_of(column, caplog):
    _warn_of_autocommit.cache_clear()
    with transaction.atomic():
        inspection = make(column)
        change(column, inspection, price=7)

    assert not caplog.records


def test_a_source_can_be_taken_away(column, settings):
    settings.NOTIFYAUDIT = {"BASE_URL": "https://site.example"}
    inspection = make(column)
    change(column, inspection, status="completed")
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {}}

    assert not AuditEvent.objects.exists()
