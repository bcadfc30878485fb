"""django-reversion: which first version is a creation, what follows along, and what cannot be read."""

import logging
from io import StringIO

import pytest
import reversion
from django.core import checks
from django.core.management import call_command
from reversion.models import Version

from notifyaudit.models import AuditEvent
from tests.example.factories import make_user
from tests.sources.upstream.models import Tag, VersionedInspection

pytestmark = pytest.mark.django_db


def events():
    return list(AuditEvent.objects.filter(source="reversion").order_by("pk"))


def make(**values):
    with reversion.create_revision():
        return VersionedInspection.objects.create(name="Tower 7", **values)


def test_a_revision_tells_who_why_and_when():
    with reversion.create_revision():
        reversion.set_user(make_user("ines"))
        reversion.set_comment("moved in")
        VersionedInspection.objects.create(name="Tower 7")

    (event,) = events()
    assert event.actor.username == "ines"
    assert event.data == {"comment": "moved in"}
    assert event.occurred_at == Version.objects.get().revision.date_created


def test_a_revision_of_several_objects_is_one_event_for_each():
    with reversion.create_revision():
        for number in range(3):
            VersionedInspection.objects.create(name=f"Tower {number}")

    assert [event.target_repr for event in events()] == ["Tower 0", "Tower 1", "Tower 2"]


def test_two_saves_in_one_revision_are_one_event():
    inspection = make()
    with reversion.create_revision():
        inspection.price = 5
        inspection.save()
        inspection.price = 7
        inspection.save()

    assert [event.changes for event in events()[1:]] == [{"price": ["0.00", "7.00"]}]


def test_an_object_that_was_there_before_is_not_created_by_its_first_version(caplog):
    inspection = VersionedInspection.objects.create(name="Tower 7")
    with caplog.at_level(logging.WARNING), reversion.create_revision():
        inspection.price = 7
        inspection.save()

    assert not events()
    assert "run createinitialrevisions" in caplog.text


def test_initial_revisions_are_no_creations_live_or_later(audit_outbox):
    inspection = VersionedInspection.objects.create(name="Tower 7")
    call_command("createinitialrevisions", "upstream.VersionedInspection", stdout=StringIO())
    call_command("notifyaudit", "backfill", "reversion", stdout=StringIO())
    assert not events()

    with reversion.create_revision():
        inspection.price = 7
        inspection.save()
    assert [event.changes for event in events()] == [{"price": ["0.00", "7.00"]}]
    audit_outbox.one(to="facility@example.com")


def test_what_was_created_in_a_rolled_back_revision_is_forgotten():
    with pytest.raises(RuntimeError), reversion.create_revision():
        VersionedInspection.objects.create(name="Tower 7")
        raise RuntimeError

    assert not events()
    make()
    assert len(events()) == 1


def test_a_version_added_by_hand_is_compared():
    inspection = make()
    VersionedInspection.objects.filter(pk=inspection.pk).update(price=7)
    with reversion.create_revision():
        reversion.add_to_revision(VersionedInspection.objects.get(pk=inspection.pk))

    assert events()[-1].changes == {"price": ["0.00", "7.00"]}


def test_a_many_to_many_change_tells_the_objects():
    inspection = make()
    with reversion.create_revision():
        inspection.tags.add(Tag.objects.create(name="fire"))

    assert [tag["repr"] for tag in events()[-1].changes["tags"][1]] == ["fire"]


def test_a_reverted_object_has_changed_back():
    inspection = make()
    with reversion.create_revision():
        inspection.price = 7
        inspection.save()
    first = Version.objects.get_for_object(inspection).last()
    with reversion.create_revision():
        first.revision.revert()

    assert events()[-1].changes == {"price": ["7.00", "0.00"]}


def test_a_version_that_cannot_be_read_is_passed_over(caplog):
    inspection = make()
    with reversion.create_revision():
        inspection.price = 7
        inspection.save()
    latest = Version.objects.order_by("pk").last()
    Version.objects.filter(pk=latest.pk).update(serialized_data="[]", format="none")
    AuditEvent.objects.all()._raw_delete("default")
    with caplog.at_level(logging.WARNING):
        call_command("notifyaudit", "backfill", "reversion", stdout=StringIO())

    assert [event.action for event in events()] == ["upstream.scheduled"]
    assert f"version {latest.pk} cannot be read" in caplog.text


def test_the_checks_tell_what_will_never_be_seen(settings):
    path = "notifyaudit.sources.reversion.Reversion"
    lines = {
        "upstream.VersionedInspection.deleted": "upstream.removed",
        "upstream.Building.created": "upstream.scheduled",
    }
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {path: lines}}
    found = [message.msg for message in checks.run_checks() if message.id == "notifyaudit.W008"]

    assert len(found) == 2
    assert "upstream.Building is not registered with reversion" in found[0]
    assert "reversion keeps no deletions" in found[1]
