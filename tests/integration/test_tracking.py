"""track(): what a block changes in the database is recorded, whatever the instance in memory says."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest
from django import forms
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject

from notifyaudit import rows, track
from notifyaudit.exceptions import UnknownAction, UnsavedTarget
from notifyaudit.masking import MASK
from notifyaudit.models import AuditEvent
from tests.integration.concurrency import needs_row_locks, on_its_own_connection
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Folder, Tag

pytestmark = pytest.mark.django_db


class DocumentForm(forms.ModelForm):
    class Meta:
        model = Document
        fields = ["title", "kind", "price", "due_on", "tags"]


def test_a_form_that_has_already_changed_the_instance_is_seen(document):
    tag = Tag.objects.create(name="urgent")
    form = DocumentForm(
        {"title": "Plan B", "kind": "plan", "price": "9.50", "due_on": "2026-12-24", "tags": [tag.pk]},
        instance=document,
    )
    assert form.is_valid()
    with track(document, DocumentAction.CHANGED) as tracked:
        form.save()
    assert tracked.event.changes == {
        "title": ["Plan A", "Plan B"],
        "kind": ["letter", "plan"],
        "price": ["0.00", "9.50"],
        "due_on": [None, "2026-12-24"],
        "tags": [[], [{"type": "testapp.Tag", "id": str(tag.pk), "repr": "urgent"}]],
    }
    assert tracked.event.target_repr == "Plan B"


def test_a_change_through_another_instance_or_a_queryset_is_seen(document):
    with track(document, DocumentAction.CHANGED) as tracked:
        Document.objects.filter(pk=document.pk).update(price=Decimal(7), due_on=date(2026, 1, 1))
    assert tracked.event.changes == {"price": ["0.00", "7.00"], "due_on": [None, "2026-01-01"]}


def test_nothing_changed_is_nothing_recorded(document):
    with track(document, DocumentAction.CHANGED) as tracked:
        document.save()
    assert tracked.event is None
    assert not AuditEvent.objects.exists()


def test_foreign_keys_are_named(document, folder):
    elsewhere = Folder.objects.create(name="Elsewhere")
    with track(document, DocumentAction.CHANGED) as tracked:
        document.folder = elsewhere
        document.save()
    old, new = tracked.event.changes["folder"]
    assert (old["repr"], new["repr"]) == ("Inner", "Elsewhere")
    assert [ancestor["repr"] for ancestor in tracked.event.ancestors] == ["Elsewhere"]


def test_a_secret_change_stays_a_change(document):
    with track(document, DocumentAction.CHANGED) as tracked:
        Document.objects.update(api_token="new")
    assert tracked.event.changes == {"api_token": [MASK, MASK]}


def test_a_deletion_keeps_the_snapshot_and_the_ancestors(document):
    with track(document, DocumentAction.REMOVED) as tracked:
        document.delete()
    event = AuditEvent.objects.get(pk=tracked.event.pk)
    assert event.target.title == "Plan A"
    assert [ancestor["repr"] for ancestor in event.ancestors] == ["Inner", "Outer"]


def test_a_deletion_together_with_its_parent_still_names_it(document, folder):
    with track(document, DocumentAction.REMOVED) as tracked:
        folder.delete()
    assert tracked.event.ancestors[0]["repr"] == "Inner"


def test_an_exception_records_nothing_and_undoes_the_change(document):
    with pytest.raises(RuntimeError), track(document, DocumentAction.CHANGED):
        Document.objects.update(title="undone")
        raise RuntimeError
    assert not AuditEvent.objects.exists()
    document.refresh_from_db()
    assert document.title == "Plan A"


def test_details_reach_the_event(document, user, other):
    with track(
        document, DocumentAction.CHANGED, actor=user, related=[other], data={"why": "typo"}
    ) as tracked:
        Document.objects.update(title="Plan B")
    assert (tracked.event.actor, tracked.event.data) == (user, {"why": "typo"})
    assert tracked.event.related[0]["repr"] == "other"


def test_mistakes_are_told_before_the_block_runs(document):
    ran = []
    with pytest.raises(UnknownAction), track(document, "nonsense"):
        ran.append(1)
    gone = Document.objects.create(title="x")
    gone.delete()
    with pytest.raises(UnsavedTarget), track(gone, DocumentAction.CHANGED):
        ran.append(1)
    Document.objects.filter(pk=document.pk).delete()
    with pytest.raises(UnsavedTarget), track(document, DocumentAction.CHANGED):
        ran.append(1)
    assert not ran


@pytest.mark.django_db(transaction=True)
def test_change_and_event_share_one_transaction(document):
    with pytest.raises(RuntimeError), transaction.atomic():
        with track(document, DocumentAction.CHANGED):
            Document.objects.update(title="undone")
        raise RuntimeError
    assert not AuditEvent.objects.exists()


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_nobody_else_can_change_the_row_inside_the_block(document):
    def change_it_too():
        with transaction.atomic():
            Document.objects.select_for_update(nowait=True).get(pk=document.pk)

    with ThreadPoolExecutor() as others:
        with track(document, DocumentAction.CHANGED), pytest.raises(OperationalError, match="lock"):
            others.submit(on_its_own_connection, change_it_too).result(timeout=30)
        others.submit(on_its_own_connection, change_it_too).result(timeout=30)


class TestSeveralObjects:
    @pytest.fixture
    def documents(self, folder, user):
        return [
            Document.objects.create(title=f"Plan {number}", folder=folder, owner=user) for number in range(3)
        ]

    def test_a_queryset_covers_bulk_updates(self, documents):
        drafts = Document.objects.filter(kind="letter")
        with track(drafts, DocumentAction.CHANGED) as tracking:
            drafts.filter(title__in=["Plan 0", "Plan 2"]).update(kind="plan")
        assert [event.target for event in tracking.events] == [documents[0], documents[2]]
        assert {str(event.changes) for event in tracking.events} == {"{'kind': ['letter', 'plan']}"}
        assert tracking.event == tracking.events[0]

    def test_a_sliced_queryset_is_followed_too(self, documents):
        with track(Document.objects.order_by("-pk")[:1], DocumentAction.CHANGED) as tracking:
            Document.objects.update(kind="plan")
        assert [event.target for event in tracking.events] == [documents[2]]

    def test_a_row_that_leaves_the_queryset_in_the_same_moment_is_not_followed(self, documents, monkeypatch):
        read = rows.read

        def late(keys, **options):
            Document.objects.filter(pk=documents[0].pk).delete()
            return read(keys, **options)

        monkeypatch.setattr(rows, "read", late)
        with track(Document.objects.all(), DocumentAction.CHANGED) as tracking:
            Document.objects.update(kind="plan")
        assert [event.target for event in tracking.events] == documents[1:]

    def test_related_objects_of_a_generator_are_in_each_event(self, documents, other):
        with track(documents, DocumentAction.CHANGED, related=(each for each in [other])) as tracking:
            Document.objects.update(kind="plan")
        assert [event.related[0]["repr"] for event in tracking.events] == ["other"] * 3

    def test_objects_of_several_models_are_followed(self, document, folder):
        with track([document, folder], DocumentAction.CHANGED) as tracking:
            Document.objects.update(title="Plan B")
            Folder.objects.filter(pk=folder.pk).update(name="Renamed")
        assert {event.target_repr for event in tracking.events} == {"Plan B", "Renamed"}

    def test_bulk_operations_and_m2m_are_seen(self, documents):
        tag = Tag.objects.create(name="urgent")
        with track(documents, DocumentAction.CHANGED) as tracking:
            documents[0].title = "A"
            documents[1].kind = "plan"
            Document.objects.bulk_update(documents, ["title", "kind"])
            documents[2].tags.add(tag)
        assert [list(event.changes) for event in tracking.events] == [["title"], ["kind"], ["tags"]]

    def test_a_queryset_delete_is_seen_with_snapshots(self, documents):
        with track(Document.objects.all(), DocumentAction.REMOVED) as tracking:
            Document.objects.filter(title="Plan 1").delete()
        (event,) = tracking.events
        assert (event.target_repr, event.snapshot["title"]) == ("Plan 1", "Plan 1")

    def test_unsaved_objects_are_creations_if_the_block_saves_them(self, folder):
        tag = Tag.objects.create(name="urgent")
        saved, left = Document(title="New", folder=folder, price=5), Document(title="never saved")
        with track([saved, left], DocumentAction.FILED) as tracking:
            saved.save()
            saved.tags.add(tag)
        (event,) = tracking.events
        assert event.target == saved
        assert event.changes["title"] == [None, "New"]
        assert event.changes["folder"][1]["repr"] == "Inner"
        assert event.changes["tags"][1][0]["repr"] == "urgent"
        assert "due_on" not in event.changes
        assert event.snapshot is None

    def test_a_bulk_create_is_seen(self, folder):
        new = [Document(title=f"New {number}", folder=folder) for number in range(3)]
        with track(new, DocumentAction.FILED) as tracking:
            Document.objects.bulk_create(new)
        assert [event.target for event in tracking.events] == new

    def test_the_number_of_statements_does_not_grow_with_the_objects(self, folder, user):
        def statements(count):
            Document.objects.all().delete()
            Document.objects.bulk_create(
                Document(title=str(n), folder=folder, owner=user) for n in range(count)
            )
            elsewhere = Folder.objects.create(name="Elsewhere", parent=folder)
            with (
                CaptureQueriesContext(connection) as captured,
                track(Document.objects.all(), DocumentAction.CHANGED),
            ):
                Document.objects.update(folder=elsewhere, title="x")
            return len(captured)

        assert statements(2) == statements(20)


def test_a_lazy_object_such_as_the_requests_user_is_tracked(user):
    with track(SimpleLazyObject(lambda: user), DocumentAction.CHANGED) as tracked:
        type(user).objects.update(first_name="New")
    assert tracked.event.changes == {"first_name": ["", "New"]}


def test_a_mistyped_argument_is_told_before_anything_is_done(document):
    with pytest.raises(TypeError, match="acter"), track(document, DocumentAction.CHANGED, acter="somebody"):
        pytest.fail("the block was entered")


def test_renaming_a_related_object_changes_no_relation(document):
    tag = Tag.objects.create(name="old")
    document.tags.add(tag)
    with track(document, DocumentAction.CHANGED) as tracked:
        Tag.objects.update(name="new")
    assert tracked.event is None
