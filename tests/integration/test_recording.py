"""record(): one row, in the caller's transaction, that says everything and can never be changed."""

import uuid
from base64 import b64decode
from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject

from notifyaudit import arecord, audit_context, record, record_many
from notifyaudit.exceptions import (
    ImmutableEvent,
    NotInTransaction,
    UnknownAction,
    UnsavedTarget,
    WrongDatabase,
)
from notifyaudit.masking import MASK
from notifyaudit.models import AuditEvent
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Letter, Tag, Ticket, UrgentDocument

pytestmark = pytest.mark.django_db


def stored(event):
    return AuditEvent.objects.get(pk=event.pk)


class TestWhatAnEventSays:
    def test_who_did_what_to_which_object(self, document, user):
        event = stored(
            record(DocumentAction.CHANGED, target=document, actor=user, changes={"title": ("A", "B")})
        )
        assert event.action == "document.changed"
        assert (event.actor_id, event.actor_repr, event.actor) == (str(user.pk), "owner", user)
        assert (event.target_type, event.target_id) == ("testapp.Document", str(document.pk))
        assert (event.target_repr, event.target) == ("Plan A", document)
        assert event.changes == {"title": ["A", "B"]}
        assert (event.source, event.source_ref, event.snapshot) == ("app", None, None)

    def test_ancestors_are_named_nearest_first(self, document, folder):
        event = stored(record(DocumentAction.CHANGED, target=document))
        assert [ancestor["repr"] for ancestor in event.ancestors] == ["Inner", "Outer"]
        assert event.ancestors[0] == {"type": "testapp.Folder", "id": str(folder.pk), "repr": "Inner"}

    def test_a_loop_of_parents_ends(self, folder):
        folder.parent.parent = folder
        folder.parent.save()
        assert len(record(DocumentAction.CHANGED, target=folder).ancestors) < 20

    def test_related_objects_are_referred_to(self, document):
        tag = Tag.objects.create(name="urgent")
        event = stored(record(DocumentAction.CHANGED, target=document, related=[tag]))
        assert event.related == [{"type": "testapp.Tag", "id": str(tag.pk), "repr": "urgent"}]

    def test_a_proxy_is_the_object_whose_table_it_shows(self, document):
        event = record(DocumentAction.CHANGED, target=UrgentDocument.objects.get(pk=document.pk))
        assert event.target_type == "testapp.Document"

    def test_a_multi_table_child_is_its_own(self, user):
        letter = Letter.objects.create(title="Dear all", owner=user)
        assert stored(record(DocumentAction.CHANGED, target=letter)).target == letter

    def test_an_object_that_the_default_manager_hides_is_still_the_object(self, document, hide_rows):
        event = record(DocumentAction.CHANGED, target=document)
        hide_rows(Document)
        assert stored(event).target == document

    def test_an_event_needs_no_object(self):
        event = stored(record(DocumentAction.FILED, data={"count": 3}))
        assert (event.target, event.target_repr, event.data) == (None, "", {"count": 3})

    def test_a_name_that_raises_and_a_uuid_key_are_no_obstacle(self):
        ticket = Ticket.objects.create(pk=uuid.uuid4())
        event = stored(record(DocumentAction.CHANGED, target=ticket))
        assert event.target_repr == "<Ticket>"
        assert event.target == ticket

    def test_when_it_happened_can_be_said(self):
        before = datetime(2026, 1, 1, tzinfo=UTC)
        event = stored(record(DocumentAction.FILED, occurred_at=before))
        assert event.occurred_at == before < event.recorded_at


class TestTheActor:
    def test_is_taken_from_the_context_when_the_event_is_recorded(self, user, other):
        current = user
        with audit_context(actor=SimpleLazyObject(lambda: current)):
            current = other
            assert record(DocumentAction.FILED).actor_id == str(other.pk)

    def test_given_explicitly_wins_over_the_context(self, user, other):
        with audit_context(actor=user):
            assert record(DocumentAction.FILED, actor=other).actor == other
            assert record(DocumentAction.FILED, actor=None).actor_id == ""

    def test_who_is_anonymous_is_nobody(self):
        event = record(DocumentAction.FILED, actor=AnonymousUser())
        assert (event.actor_id, event.actor_repr) == ("", "")

    def test_that_is_no_user_is_kept_in_words(self):
        event = stored(record(DocumentAction.FILED, actor="nightly import"))
        assert (event.actor, event.actor_repr) == (None, "nightly import")


class TestTheContext:
    def test_nested_contexts_inherit_and_add(self, user):
        with (
            audit_context(actor=user, correlation_id="c-1", metadata={"job": "import"}),
            audit_context(metadata={"row": 7}),
        ):
            event = stored(record(DocumentAction.FILED))
        assert (event.actor, event.correlation_id) == (user, "c-1")
        assert event.metadata == {"job": "import", "row": 7}

    def test_ends_with_its_block_even_when_that_raises(self, user):
        with pytest.raises(RuntimeError), audit_context(actor=user):
            raise RuntimeError
        assert record(DocumentAction.FILED).actor_id == ""

    def test_events_of_one_context_share_a_correlation_id(self):
        with audit_context():
            first, second = record(DocumentAction.FILED), record(DocumentAction.FILED)
        assert first.correlation_id == second.correlation_id != ""

    def test_outside_of_any_context_each_event_has_its_own(self):
        assert record(DocumentAction.FILED).correlation_id != record(DocumentAction.FILED).correlation_id


class TestMasking:
    def test_secrets_are_stored_nowhere(self, document):
        document.api_token = "s3cret-value"
        document.save()
        event = record(
            DocumentAction.CHANGED,
            target=document,
            changes={"api_token": ("old-s3cret-value", "s3cret-value"), "title": ("A", "B")},
            data={"nested": [{"password": "s3cret-value"}]},
            snapshot=True,
        )
        values = AuditEvent.objects.filter(pk=event.pk).values().get()
        assert "s3cret-value" not in str(values)
        assert event.changes["api_token"] == [MASK, MASK]
        assert event.changes["title"] == ["A", "B"]

    def test_a_model_says_what_is_sensitive_and_what_is_public(self, document):
        changes = {"house_number": ("7", "8"), "access_code_hint": ("a", "b"), "tokenizer": ("x", "y")}
        with override_settings(NOTIFYAUDIT={"SENSITIVE_FIELDS": ["access_code"]}):
            event = record(DocumentAction.CHANGED, target=document, changes=changes)
        assert event.changes == {
            "house_number": [MASK, MASK],
            "access_code_hint": ["a", "b"],
            "tokenizer": ["x", "y"],
        }


class TestDeletion:
    def test_an_event_survives_its_actor_and_its_object(self, document, user):
        event = record(DocumentAction.REMOVED, target=document, actor=user)
        document.delete()
        user.delete()
        event = stored(event)
        assert (event.actor, event.target) == (None, None)
        assert (event.actor_repr, event.target_repr) == ("owner", "Plan A")

    def test_a_snapshot_rebuilds_the_object_as_the_database_had_it(self, document, folder):
        document.title = "changed in memory only"
        event = record(DocumentAction.REMOVED, target=document, snapshot=True)
        pk = document.pk
        document.delete()
        rebuilt = stored(event).target
        assert isinstance(rebuilt, Document)
        assert (rebuilt.pk, rebuilt.title, rebuilt.folder) == (pk, "Plan A", folder)
        assert rebuilt._state.adding

    def test_what_is_masked_in_a_snapshot_is_not_rebuilt(self, document):
        Document.objects.update(api_token="s3cret-value")
        event = record(DocumentAction.REMOVED, target=document, snapshot=True)
        document.delete()
        event = stored(event)
        assert event.snapshot["api_token"] == MASK
        assert (event.target.title, event.target.api_token) == ("Plan A", "")

    def test_a_snapshot_of_a_field_whose_type_has_changed_is_rebuilt_without_it(self, document):
        event = record(DocumentAction.REMOVED, target=document, snapshot=True)
        document.delete()
        event = stored(event)
        event.snapshot["due_on"] = "no date"
        assert event.target.title == "Plan A"

    def test_what_is_gone_already_cannot_be_recorded(self, document):
        document.delete()
        with pytest.raises(UnsavedTarget, match="before the delete"):
            record(DocumentAction.REMOVED, target=document)

    def test_a_snapshot_of_a_row_that_another_process_deleted_is_refused(self, document):
        Document.objects.filter(pk=document.pk).delete()
        with pytest.raises(UnsavedTarget):
            record(DocumentAction.REMOVED, target=document, snapshot=True)


class TestRefusals:
    def test_an_unknown_action(self):
        with pytest.raises(UnknownAction, match=r"document\.changed"):
            record("document.change")

    def test_an_unsaved_object(self):
        with pytest.raises(UnsavedTarget, match="Document has no row"):
            record(DocumentAction.CHANGED, target=Document(title="x"))

    def test_an_unsaved_related_object(self, document):
        with pytest.raises(UnsavedTarget, match="Tag has no row"):
            record(DocumentAction.CHANGED, target=document, related=[Tag(pk=7, name="x")])

    def test_a_related_object_of_another_database(self, document, folder):
        folder._state.db = "elsewhere"
        with pytest.raises(WrongDatabase, match="'elsewhere'.*'default'"):
            record(DocumentAction.CHANGED, target=document, related=[folder])

    def test_an_object_of_another_database(self, document):
        document._state.db = "elsewhere"
        with pytest.raises(WrongDatabase, match="'elsewhere'.*'default'"):
            record(DocumentAction.CHANGED, target=document)

    @pytest.mark.parametrize("sides", ["ab", ("only",), 7, {"old": 1, "new": 2}])
    def test_changes_that_are_no_pairs(self, sides):
        with pytest.raises(TypeError, match=r"changes\['title'\] must be a pair"):
            record(DocumentAction.FILED, changes={"title": sides})

    def test_what_is_no_object_or_no_list_of_them(self, document):
        for wrong in ("doc", Document.objects.all(), Document):
            with pytest.raises(TypeError, match="a model instance is needed"):
                record(DocumentAction.FILED, target=wrong)
        with pytest.raises(TypeError, match="related must be a list"):
            record(DocumentAction.FILED, related=document)
        with pytest.raises(TypeError, match="changes must be a mapping"):
            record(DocumentAction.FILED, changes=["title"])

    def test_data_that_is_no_mapping(self):
        with pytest.raises(TypeError, match="data must be a mapping"):
            record(DocumentAction.FILED, data=["x"])

    def test_a_key_that_does_not_fit_before_the_database_breaks_the_transaction(self, document):
        with pytest.raises(ValueError, match="idempotency key|idempotency_key"):
            record(DocumentAction.FILED, idempotency_key="x" * 200)
        assert Document.objects.filter(pk=document.pk).exists()

    def test_a_naive_moment(self):
        with pytest.raises(ValueError, match="occurred_at must be aware"):
            record(DocumentAction.FILED, occurred_at=datetime(2026, 1, 1))  # noqa: DTZ001

    @pytest.mark.django_db(transaction=True)
    def test_no_transaction_when_one_is_required(self):
        with override_settings(NOTIFYAUDIT={"REQUIRE_ATOMIC": True}):
            with pytest.raises(NotInTransaction, match="REQUIRE_ATOMIC"):
                record(DocumentAction.FILED)
            with transaction.atomic():
                record(DocumentAction.FILED)
        assert AuditEvent.objects.count() == 1

    def test_a_refusal_leaves_the_callers_transaction_usable(self, document):
        with transaction.atomic():
            with pytest.raises(UnknownAction):
                record("nonsense")
            document.title = "still works"
            document.save()


class TestIdempotency:
    def test_the_same_key_returns_the_first_event(self):
        first = record(DocumentAction.FILED, data={"n": 1}, idempotency_key="import:1")
        second = record(DocumentAction.FILED, data={"n": 2}, idempotency_key="import:1")
        assert (second.pk, second.data) == (first.pk, {"n": 1})
        assert AuditEvent.objects.count() == 1

    def test_the_same_reference_of_the_same_source_is_one_event(self):
        first = record(DocumentAction.FILED, source="history", source_ref="7")
        assert record(DocumentAction.FILED, source="history", source_ref="7") == first
        assert record(DocumentAction.FILED, source="elsewhere", source_ref="7") != first

    def test_a_repetition_leaves_the_transaction_usable(self, document):
        with transaction.atomic():
            for _ in range(2):
                record(DocumentAction.FILED, idempotency_key="k")
            document.save()


class TestImmutability:
    @pytest.fixture
    def event(self):
        return stored(record(DocumentAction.FILED))

    def test_saving_is_refused(self, event):
        event.action = "document.changed"
        with pytest.raises(ImmutableEvent, match="append-only"):
            event.save()

    def test_a_disguised_overwrite_is_refused(self, event):
        from django.db import IntegrityError

        with pytest.raises(IntegrityError), transaction.atomic():
            AuditEvent(pk=event.pk, action="document.changed").save()

    def test_deleting_is_refused(self, event):
        with pytest.raises(ImmutableEvent):
            event.delete()
        with pytest.raises(ImmutableEvent):
            AuditEvent.objects.all().delete()

    def test_updating_a_fact_is_refused_by_name(self, event):
        with pytest.raises(ImmutableEvent, match="action, data"):
            AuditEvent.objects.update(action="x", data={})
        event.action = "x"
        # In savepoints of their own: Django's bulk operations leave the surrounding one unusable.
        with pytest.raises(ImmutableEvent), transaction.atomic():
            AuditEvent.objects.bulk_update([event], ["action"])
        with pytest.raises(ImmutableEvent), transaction.atomic():
            AuditEvent.objects.update_or_create(pk=event.pk, defaults={"action": "x"})

    def test_overwriting_in_bulk_create_is_refused(self, event):
        with pytest.raises(ImmutableEvent):
            AuditEvent.objects.bulk_create(
                [event], update_conflicts=True, update_fields=["action"], unique_fields=["id"]
            )


def test_one_event_costs_one_statement(document, user, django_assert_num_queries):
    document = Document.objects.select_related("folder__parent").get(pk=document.pk)
    with django_assert_num_queries(1):
        record(DocumentAction.CHANGED, target=document, actor=user, changes={"title": ("A", "B")})


class TestRecordMany:
    def test_events_come_in_the_order_of_the_items(self, document, folder, user):
        with audit_context(actor=user, correlation_id="c-1"):
            events = record_many(
                [
                    {"action": DocumentAction.CHANGED, "target": document, "changes": {"title": ("A", "B")}},
                    {"action": DocumentAction.FILED, "data": {"password": "x"}, "idempotency_key": "k"},
                    {"action": DocumentAction.REMOVED, "target": folder, "snapshot": True},
                ]
            )
        assert [stored(event).action for event in events] == [
            "document.changed",
            "document.filed",
            "document.removed",
        ]
        assert {(event.actor_id, event.correlation_id) for event in events} == {(str(user.pk), "c-1")}
        assert events[1].data == {"password": MASK}
        assert events[2].snapshot["name"] == "Inner"
        assert events[0].ancestors[0]["repr"] == "Inner"

    def test_repeated_keys_return_the_first_event(self):
        first = record(DocumentAction.FILED, idempotency_key="a")
        events = record_many(
            [{"action": DocumentAction.FILED, "idempotency_key": key} for key in ("a", "b", "b", None)]
            + [
                {
                    "action": DocumentAction.FILED,
                    "source": "history",
                    "source_ref": "1",
                    "idempotency_key": "b",
                }
            ]
        )
        assert events[0] == first
        assert events[1] == events[2] == events[4]
        assert AuditEvent.objects.count() == 3

    def test_a_mistake_in_one_item_writes_nothing_and_names_it(self, document):
        with pytest.raises(UnknownAction) as failure:
            record_many([{"action": DocumentAction.FILED}, {"action": "nonsense"}])
        assert failure.value.__notes__ == ["in item 1 of record_many()"]
        with pytest.raises(TypeError, match="targt"):
            record_many([{"action": DocumentAction.FILED, "targt": document}])
        with pytest.raises(UnsavedTarget):
            record_many([{"action": DocumentAction.FILED, "target": Document(), "snapshot": True}])
        assert not AuditEvent.objects.exists()

    def test_nothing_is_nothing(self):
        assert record_many([]) == []

    def test_the_number_of_statements_does_not_grow_with_the_events(self, folder):
        def statements(count):
            Document.objects.bulk_create(Document(title=str(n), folder=folder) for n in range(count))
            targets = list(Document.objects.order_by("-pk")[:count])
            with CaptureQueriesContext(connection) as captured:
                record_many(
                    [
                        {"action": DocumentAction.CHANGED, "target": target, "snapshot": True}
                        for target in targets
                    ]
                )
            return len(captured)

        assert statements(2) == statements(30)

    def test_ten_thousand_events_take_a_bounded_number_of_statements(self):
        with CaptureQueriesContext(connection) as captured:
            events = record_many([{"action": DocumentAction.FILED, "data": {"n": n}} for n in range(10_000)])
        assert AuditEvent.objects.count() == len(events) == 10_000
        # Older SQLite back ends take 999 parameters a statement, so some forty events.
        assert len(captured) <= 10_000 / 30


def test_async_code_records_too(document):
    event = async_to_sync(arecord)(DocumentAction.CHANGED, target=document)
    assert stored(event).target == document


def test_a_lazy_object_such_as_the_requests_user_has_a_snapshot(user):
    event = record(DocumentAction.REMOVED, target=SimpleLazyObject(lambda: user), snapshot=True)
    assert event.snapshot["username"] == "owner"


def test_a_project_without_time_zones_can_record(settings):
    settings.USE_TZ = False
    event = record(DocumentAction.FILED)
    assert stored(event).occurred_at.tzinfo is None
    with pytest.raises(ValueError, match="occurred_at must be naive"):
        record(DocumentAction.FILED, occurred_at=datetime(2026, 11, 21, tzinfo=UTC))


def test_a_value_that_cannot_be_rebuilt_leaves_the_others(document, monkeypatch):
    event = stored(record(DocumentAction.REMOVED, target=document, snapshot=True))
    document.delete()
    # As Django 5.2's BinaryField does with what is stored of bytes.
    monkeypatch.setattr(Document._meta.get_field("price"), "to_python", b64decode)
    assert event.target.title == "Plan A"


def test_what_a_model_declares_public_stays_masked_in_the_metadata(document, monkeypatch):
    monkeypatch.setattr(Document, "notifyaudit_public_fields", ["token"])
    with audit_context(metadata={"token": "s3cret", "url": "/x/"}):
        event = record(DocumentAction.CHANGED, target=document)
    assert stored(event).metadata == {"token": MASK, "url": "/x/"}


def test_an_empty_idempotency_key_is_refused(document):
    with pytest.raises(ValueError, match="None means"):
        record(DocumentAction.CHANGED, target=document, idempotency_key="")


def test_a_parent_property_that_meets_nothing_ends_the_ancestors(document, monkeypatch):
    monkeypatch.setattr(Document, "site", property(lambda self: None.site), raising=False)
    monkeypatch.setattr(Document, "notifyaudit_parent", "site")
    assert record(DocumentAction.CHANGED, target=document).ancestors == []
