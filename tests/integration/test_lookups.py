"""The objects that the events of a batch name: read together, when one is asked for, and not before."""

import django
import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from notifyaudit import record
from notifyaudit.models import AuditEvent
from notifyaudit.models.event import look_up_together
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from tests.integration.concurrency import before_first, lost
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Archive, Credential, Document, Folder, Seat, Shelf, Tag

pytestmark = pytest.mark.django_db

EVENTS, RECIPIENTS = 20, 5


@pytest.fixture
def documents(user, other):
    """Each in a folder of its own, every second of another owner."""
    folders = [Folder.objects.create(name=f"Folder {number}") for number in range(EVENTS)]
    return [
        Document.objects.create(title=f"Plan {number}", folder=folder, owner=(user, other)[number % 2])
        for number, folder in enumerate(folders)
    ]


@pytest.fixture
def captured(db):
    with CaptureQueriesContext(connection) as captured:
        yield captured


def stored_together(*events):
    events = AuditEvent.objects.filter(pk__in=[event.pk for event in events]).order_by("pk")
    look_up_together(events)
    return list(events)


def file_all(targets, **options):
    return stored_together(*(record(DocumentAction.FILED, target=target, **options) for target in targets))


def counted(queries):
    """How many statements of each kind. Savepoints are left out: in a worker there are none."""
    verbs = [query["sql"].split(maxsplit=1)[0] for query in queries]
    return {verb: verbs.count(verb) for verb in ("SELECT", "INSERT", "UPDATE", "DELETE")}


class TestABatch:
    def test_is_read_with_one_query_a_model(self, documents, user, other, captured):
        events = file_all(documents, actor=user)
        before = len(captured)
        assert [event.target for event in events] == documents
        assert {event.actor for event in events} == {user}
        assert len(captured) - before == 2

    def test_of_which_nobody_asks_is_not_read(self, documents, user, captured):
        events = file_all([*documents, Tag.objects.create(name="x")], actor=user)
        before = len(captured)
        assert events[0].target == documents[0]
        assert len(captured) - before == 1

    def test_knows_what_is_gone_and_rebuilds_it_where_it_can(self, documents):
        events = file_all(documents[:2], snapshot=True) + file_all(documents[2:4])
        Document.objects.filter(pk__in=[documents[0].pk, documents[2].pk]).delete()
        events = stored_together(*events)
        assert [event.target and event.target._state.adding for event in events] == [True, False, None, False]
        assert events[0].target.title == "Plan 0"

    def test_finds_what_the_default_manager_hides(self):
        hidden = [Archive.objects.create(name=name, archived=True) for name in "ab"]
        assert [event.target for event in file_all(hidden)] == hidden

    def test_of_composite_keys(self):
        shelf = Shelf.objects.create(code='Ä "1"')
        seats = [Seat.objects.create(shelf=shelf, number=number) for number in (1, 2)]
        assert [event.target for event in file_all(seats)] == seats

    def test_never_finds_what_has_a_secret_key(self):
        keys = [Credential.objects.create(session_key=f"s3cret-{number}") for number in (1, 2)]
        assert [event.target for event in file_all(keys)] == [None, None]

    def test_has_no_objects_of_a_model_that_is_gone_nor_of_nothing(self, documents):
        AuditEvent(action="document.filed", target_type="left.Model", target_id="7").save()
        AuditEvent(action="document.filed").save()
        AuditEvent(action="document.filed", target_type="testapp.Document", target_id="no number").save()
        record(DocumentAction.FILED, target=documents[0])
        events = stored_together(*AuditEvent.objects.all())
        assert [event.target for event in events] == [None, None, None, documents[0]]
        assert {event.actor for event in events} == {None}

    def test_with_what_the_database_takes_for_no_key_finds_the_others(self, documents, monkeypatch):
        field, broken = Document._meta.pk, str(documents[0].pk)
        to_database = type(field).get_prep_value

        def refuse(self, value):
            if str(value) == broken:
                raise ValidationError("no key of today")
            return to_database(self, value)

        events = file_all(documents[:3])
        monkeypatch.setattr(type(field), "get_prep_value", refuse)
        assert [event.target for event in events] == [None, *documents[1:3]]

    def test_that_could_not_be_read_is_not_gone(self, documents):
        events = file_all(documents[:2])
        with before_first("SELECT", "testapp_document", lost), pytest.raises(DatabaseError):
            assert events[0].target
        assert events[1].target == documents[1]

    @pytest.mark.skipif(django.VERSION < (6, 1), reason="Django does so from 6.1 on")
    def test_a_foreign_key_is_followed_for_all(self, documents, captured):
        events = file_all(documents)
        before = len(captured)
        assert [event.target.folder.name for event in events] == [f"Folder {n}" for n in range(EVENTS)]
        assert len(captured) - before == 2


class TestWhatManyEventsCost:
    """Each statement is accounted for, so that no loop over events, recipients or mails grows unnoticed."""

    @pytest.fixture
    def kind(self):
        def recipients(event):
            return [f"{event.target.pk}-{number}@x.example" for number in range(RECIPIENTS)]

        subject = "{{ target }} of {{ actor }}"
        with email_kind(recipients, template_name="testapp/changed.html", subject=subject):
            yield

    @pytest.fixture
    def events(self, documents, user, kind):
        return file_all(documents, actor=user)

    def test_to_route(self, events, captured):
        assert route_pending() == EVENTS
        assert counted(captured) == {
            # Classes to ask again, the unrouted events until there are none, all targets; whom each has told,
            # and who has subscribed to it.
            "SELECT": 1 + 2 + 1 + 2 * EVENTS,
            # The messages and the notifications of each.
            "INSERT": 2 * EVENTS,
            # Each is held while they are written, and marked as routed.
            "UPDATE": 2 * EVENTS,
            "DELETE": 0,
        }

    def test_to_send(self, events, captured):
        route_pending()
        before = len(captured)
        assert send_due().total() == EVENTS * RECIPIENTS
        assert counted(captured.captured_queries[before:]) == {
            # What is paused, twice; the highest priority and what of it is due; that nothing is open,
            # uncertain or left by a vanished worker; messages, notifications, events, targets, actors, and
            # what their recipients have said since and how they like to read, once more after those
            # without a row got one.
            "SELECT": 2 + 2 + 3 + 1 + 1 + 1 + 1 + 1 + 1 + 2,
            "INSERT": 1,
            # What was in the air, the claim; each mail is marked and settled.
            "UPDATE": 2 + 2 * EVENTS * RECIPIENTS,
            "DELETE": 0,
        }
