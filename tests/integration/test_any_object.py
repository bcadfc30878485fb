"""Any object can be the target, the actor or a recipient, whatever its key and whoever hides it."""

import uuid

import pytest
from django.core import mail
from django.test import RequestFactory, override_settings
from django.utils.functional import SimpleLazyObject

from example_site.inspections.models import User
from notifyaudit import record, track
from notifyaudit.exceptions import UnsavedTarget, WrongDatabase
from notifyaudit.masking import MASK
from notifyaudit.middleware import AuditMiddleware
from notifyaudit.models import AuditEvent, Message, Notification
from notifyaudit.tasks import sweep
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import (
    Archive,
    Credential,
    Document,
    Letter,
    Member,
    Seat,
    Shelf,
    Tag,
    Ticket,
    UrgentDocument,
)

pytestmark = pytest.mark.django_db


def stored(event):
    return AuditEvent.objects.get(pk=event.pk)


class TestACustomUser:
    @pytest.fixture(autouse=True)
    def _members_are_users(self):
        with override_settings(AUTH_USER_MODEL="testapp.Member"):
            yield

    def test_acts_is_told_and_gets_mail(self):
        actor, told = (Member.objects.create(mail=f"{name}@x.example") for name in ("actor", "told"))
        with email_kind([actor, told]):
            event = stored(record(DocumentAction.FILED, actor=actor))
            sweep()
        assert (event.actor, event.actor_id, event.actor_repr) == (actor, str(actor.pk), "actor@x.example")
        assert [message.to for message in mail.outbox] == [["told@x.example"]]
        notification = Notification.objects.get(skip_reason="")
        assert (notification.recipient, notification.message.recipient) == (told, told)

    def test_who_is_deleted_meanwhile_gets_none(self):
        told = Member.objects.create(mail="told@x.example")
        with email_kind([told]):
            record(DocumentAction.FILED)
            told_pk, _ = told.pk, Member.objects.all().delete()
            sweep()
        assert Notification.objects.get(recipient_id=str(told_pk)).recipient is None
        assert not mail.outbox

    def test_a_message_for_a_key_of_the_former_user_model_harms_no_other(self):
        told = Member.objects.create(mail="told@x.example")
        with email_kind([told]):
            Message.objects.create(email_key="test.kind", recipient_key="user:7", recipient_id="7")
            record(DocumentAction.FILED)
            sweep()
        assert [message.to for message in mail.outbox] == [["told@x.example"]]


KEYS = ["a/b?c=d&e#f", "ann", "Ünï…🙂", "'quoted\" \\ %s {}", '["1", "2"]', "🙂" * 200, "00", "None"]


class TestAKey:
    @pytest.mark.parametrize("code", KEYS)
    def test_that_is_any_text(self, code):
        shelf = Shelf.objects.create(code=code)
        event = stored(record(DocumentAction.FILED, target=shelf))
        assert (event.target_id, event.target) == (code, shelf)
        assert AuditEvent.objects.get(target_type="testapp.Shelf", target_id=code) == event

    def test_that_differs_in_case_only_is_another_target(self):
        for code in ("ann", "Ann"):
            # Of the object's own table the project chooses the collation, so only one is there at a time.
            shelf = Shelf.objects.create(code=code)
            record(DocumentAction.FILED, target=shelf)
            shelf.delete()
        assert AuditEvent.objects.filter(target_id="ann").count() == 1

    @pytest.mark.parametrize(
        "form", [str, lambda key: key.hex, lambda key: str(key).upper(), lambda key: key]
    )
    def test_is_named_in_one_form_however_it_was_given(self, form):
        key = uuid.uuid4()
        ticket = Ticket.objects.create(pk=form(key))
        event = stored(record(DocumentAction.FILED, target=ticket))
        assert (event.target_id, event.target) == (str(key), Ticket.objects.get())

    def test_that_is_secret_is_stored_as_a_digest(self):
        credential = Credential.objects.create(session_key="s3cret-session", code="4711-0815")
        event = record(DocumentAction.FILED, target=credential, related=[credential], snapshot=True)
        row = str(AuditEvent.objects.filter(pk=event.pk).values().get())
        assert "s3cret-session" not in row
        assert "4711-0815" not in row
        assert event.target_id == record(DocumentAction.FILED, target=credential).target_id
        assert event.target_repr == f"{MASK} ({MASK})"


class TestACompositeKey:
    @pytest.fixture
    def seat(self):
        return Seat.objects.create(shelf=Shelf.objects.create(code='Ä "1"'), number=7, label="old")

    def test_is_found_again(self, seat):
        event = stored(record(DocumentAction.FILED, target=seat, related=[seat]))
        assert event.target_id == '["Ä \\"1\\"", "7"]'
        assert event.target == seat

    def test_is_tracked(self, seat):
        with track(seat, DocumentAction.CHANGED) as tracked:
            Seat.objects.update(label="new")
        assert tracked.event.changes == {"label": ["old", "new"]}

    def test_is_rebuilt_from_its_snapshot(self, seat):
        key = seat.pk
        with track(seat, DocumentAction.REMOVED) as tracked:
            Seat.objects.all().delete()
        rebuilt = stored(tracked.event).target
        assert (rebuilt.pk, rebuilt.label, rebuilt._state.adding) == (key, "old", True)

    def test_unset_is_refused(self, seat):
        with pytest.raises(UnsavedTarget, match="Seat has no row"):
            record(DocumentAction.FILED, target=Seat(number=7))
        seat.delete()
        with pytest.raises(UnsavedTarget, match="Seat has no row"):
            record(DocumentAction.FILED, target=seat)

    def test_of_a_model_that_had_a_simple_one_is_nobody(self, seat):
        AuditEvent(action="document.filed", target_type="testapp.Seat", target_id="7").save()
        assert AuditEvent.objects.get().target is None


class TestHiddenObjects:
    def test_are_recorded_tracked_and_found(self):
        hidden = Archive.objects.create(name="old", archived=True)
        with track(hidden, DocumentAction.CHANGED) as tracked:
            Archive._base_manager.update(name="older")
        event = stored(tracked.event)
        assert (event.changes, event.target) == ({"name": ["old", "older"]}, hidden)
        assert record(DocumentAction.FILED, target=hidden, snapshot=True).snapshot["name"] == "older"

    def test_are_seen_when_they_are_related(self):
        shown, hidden = (Archive.objects.create(name=name, archived=name == "b") for name in "ab")
        with track(shown, DocumentAction.CHANGED) as tracked:
            shown.siblings.add(hidden)
        assert [item["repr"] for item in tracked.event.changes["siblings"][1]] == ["b"]


class TestLazyObjects:
    def test_request_user_can_be_snapshot_and_tracked(self, user):
        lazy = SimpleLazyObject(lambda: user)
        event = record(DocumentAction.FILED, target=lazy, actor=lazy, related=[lazy], snapshot=True)
        assert (event.target, event.actor, event.snapshot["username"]) == (user, user, "owner")
        with track(SimpleLazyObject(lambda: user), DocumentAction.CHANGED) as tracked:
            User.objects.update(first_name="New")
        assert tracked.event.changes == {"first_name": ["", "New"]}

    def test_who_signs_in_late_in_the_request_is_the_actor(self, user):
        def view(request):
            before = record(DocumentAction.FILED)
            request.user = SimpleLazyObject(lambda: user)
            return before, record(DocumentAction.FILED)

        before, after = AuditMiddleware(view)(RequestFactory().get("/"))
        assert (before.actor, after.actor) == (None, user)

    def test_an_unsaved_one_is_called_by_its_class(self):
        with pytest.raises(UnsavedTarget, match="^Document has no row"):
            record(DocumentAction.FILED, target=SimpleLazyObject(lambda: Document(title="x")))


class TestInheritance:
    def test_a_child_keeps_the_values_of_its_parents_table(self, user):
        letter = Letter.objects.create(title="Dear all", owner=user, pages=3)
        key = letter.pk
        with track(letter, DocumentAction.CHANGED) as tracked:
            Letter.objects.update(title="Dear both", pages=4)
        assert tracked.event.changes == {"title": ["Dear all", "Dear both"], "pages": [3, 4]}
        with track(letter, DocumentAction.REMOVED) as tracked:
            letter.delete()
        rebuilt = stored(tracked.event).target
        assert (type(rebuilt), rebuilt.pk, rebuilt.title, rebuilt.pages) == (Letter, key, "Dear both", 4)

    def test_a_proxy_is_tracked_as_the_object_it_is(self, document):
        with track(UrgentDocument.objects.get(), DocumentAction.CHANGED) as tracked:
            Document.objects.update(title="Plan B")
        assert (tracked.event.target_type, tracked.event.target) == ("testapp.Document", document)


class TestRefusals:
    @pytest.mark.parametrize("role", ["target", "related"])
    def test_an_object_of_another_database_names_both(self, document, role):
        document._state.db = "elsewhere"
        given = {"target": document} if role == "target" else {"related": [document]}
        with pytest.raises(WrongDatabase, match="Document lives in the database 'elsewhere'.*'default'"):
            record(DocumentAction.FILED, **given)

    @pytest.mark.parametrize("role", ["target", "related"])
    def test_an_object_that_has_been_deleted(self, document, role):
        document.delete()
        given = {"target": document} if role == "target" else {"related": [document]}
        with pytest.raises(UnsavedTarget, match="before the delete"):
            record(DocumentAction.FILED, **given)

    def test_a_key_set_by_hand_is_no_row(self):
        with pytest.raises(UnsavedTarget):
            record(DocumentAction.FILED, target=Ticket(pk=uuid.uuid4()))


class TestSecretForeignKeys:
    def test_are_masked_by_name_and_by_column_and_shown_by_either(self):
        tag = Tag.objects.create(name="t")
        credential = Credential.objects.create(
            session_key="k", api_token=Ticket.objects.create(), holder=tag, reader_token=tag
        )
        event = record(
            DocumentAction.FILED,
            target=credential,
            snapshot=True,
            changes=dict.fromkeys(("api_token", "holder", "holder_id", "reader_token"), (None, tag)),
        )
        assert event.snapshot == {
            "session_key": MASK,
            "api_token_id": MASK,
            "code": MASK,
            "holder_id": MASK,
            "reader_token_id": tag.pk,
        }
        shown = {name for name, sides in event.changes.items() if sides != [MASK, MASK]}
        assert shown == {"reader_token"}
