"""The net change of what track() and record() really store."""

import pytest

from notifyaudit import record, track
from notifyaudit.masking import MASK
from notifyaudit.models import AuditEvent
from notifyaudit.netchange import Occurrence, is_creation, net_changes
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Tag

pytestmark = pytest.mark.django_db

NEVER_NULL = {
    field.name
    for field in (*Document._meta.concrete_fields, *Document._meta.many_to_many)
    if field.many_to_many or not field.null
}


def stored():
    """What is left of all events, read from the database."""
    return net_changes(
        Occurrence(
            about=(event.target_type, event.target_id),
            action=event.action,
            changes=event.changes,
            created=is_creation(event.changes, NEVER_NULL),
            snapshot=event.snapshot,
        )
        for event in AuditEvent.objects.order_by("pk")
    )


def changed(document, **values):
    with track(document, DocumentAction.CHANGED):
        Document.objects.filter(pk=document.pk).update(**values)


def created():
    document = Document(title="Plan A")
    with track(document, DocumentAction.FILED):
        document.save()
    return document


def test_there_and_back_is_nothing(document):
    changed(document, price=7, is_public=True, due_on="2026-12-24")
    changed(document, price=0, is_public=False, due_on=None)
    assert stored() == []


def test_relations_there_and_back_are_nothing_though_the_related_are_renamed(document):
    tag = Tag.objects.create(name="urgent")
    with track(document, DocumentAction.CHANGED):
        document.tags.add(tag)
    Tag.objects.update(name="very urgent")
    changed(document, price=1)
    with track(document, DocumentAction.CHANGED):
        document.tags.clear()
    changed(document, price=0)
    assert stored() == []


def test_a_secret_there_and_back_has_changed(document):
    changed(document, api_token="one")
    changed(document, api_token="")
    (net,) = stored()
    assert net.changes == {"api_token": (MASK, MASK)}


def test_what_track_saw_coming_is_a_creation():
    document = created()
    changed(document, title="Plan B")
    (net,) = stored()
    assert net.created
    assert net.changes["title"] == (None, "Plan B")


def test_what_fills_in_a_field_that_was_null_is_none(document):
    changed(document, due_on="2026-12-24")
    (net,) = stored()
    assert (net.created, net.changes) == (False, {"due_on": (None, "2026-12-24")})


def test_what_track_saw_coming_and_going_is_nothing():
    document = created()
    with track(document, DocumentAction.REMOVED):
        document.delete()
    assert stored() == []


def test_a_recorded_deletion_keeps_the_values(document):
    changed(document, title="Plan B")
    record(DocumentAction.REMOVED, target=document, snapshot=True)
    document.delete()
    (net,) = stored()
    assert net.deleted
    assert (net.snapshot["title"], net.changes) == ("Plan B", {"title": ("Plan A", "Plan B")})
