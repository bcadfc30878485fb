"""django-lifecycle: hooks fire at every save; one event tells what a transaction did."""

import pytest
from django.db import transaction

from notifyaudit import record
from notifyaudit.exceptions import NotInTransaction
from notifyaudit.models import AuditEvent
from notifyaudit.sources.lifecycle import record_once
from notifyaudit.tasks import sweep
from tests.example.factories import make_user
from tests.sources.upstream.actions import InspectionAction
from tests.sources.upstream.models import HookedInspection

pytestmark = pytest.mark.parametrize(
    "database",
    [
        pytest.param("the test's", marks=pytest.mark.django_db, id="in the test's transaction"),
        # Hooks of a commit are Django's on each database.
        pytest.param(
            "real",
            marks=[pytest.mark.django_db(transaction=True), pytest.mark.one_database],
            id="in real transactions",
        ),
    ],
    indirect=True,
)


@pytest.fixture(autouse=True)
def database(request):
    return request.param


def edits():
    return list(AuditEvent.objects.filter(action=InspectionAction.EDITED).order_by("pk"))


@pytest.fixture
def inspection():
    return HookedInspection.objects.create(name="Tower 7")


def save(inspection, **values):
    for name, value in values.items():
        setattr(inspection, name, value)
    inspection.save()


def once(inspection, old, new, **details):
    return record_once(InspectionAction.EDITED, target=inspection, changes={"status": (old, new)}, **details)


def test_two_saves_in_one_transaction_fire_twice_and_are_one_event(inspection):
    with transaction.atomic():
        save(inspection, status="ready")
        save(inspection, status="completed", name="Tower 8")

    (event,) = edits()
    assert event.changes == {"status": ["draft", "completed"], "name": ["Tower 7", "Tower 8"]}


def test_two_instances_of_one_row_are_one_event(inspection):
    with transaction.atomic():
        save(inspection, status="ready")
        save(HookedInspection.objects.get(pk=inspection.pk), status="completed")

    assert [event.changes for event in edits()] == [{"status": ["draft", "completed"]}]


def test_two_transactions_are_two_events(inspection):
    save(inspection, status="ready")
    save(HookedInspection.objects.get(pk=inspection.pk), status="completed")

    assert [event.changes for event in edits()] == [
        {"status": ["draft", "ready"]},
        {"status": ["ready", "completed"]},
    ]


def test_two_objects_are_two_events(inspection):
    other = HookedInspection.objects.create(name="Tower 8")
    with transaction.atomic():
        save(inspection, status="ready")
        save(other, status="ready")

    assert [event.target_id for event in edits()] == [str(inspection.pk), str(other.pk)]


def test_saves_of_two_objects_in_turn_are_two_events(inspection):
    other = HookedInspection.objects.create(name="Tower 8")
    with transaction.atomic():
        for status in ("ready", "completed"):
            save(inspection, status=status)
            save(other, status=status)

    assert [(event.target, event.changes) for event in edits()] == [
        (inspection, {"status": ["draft", "completed"]}),
        (other, {"status": ["draft", "completed"]}),
    ]


def test_two_actions_are_two_events(inspection):
    with transaction.atomic():
        once(inspection, "draft", "ready")
        record_once(InspectionAction.COMPLETED, target=inspection, changes={"status": ("ready", "completed")})

    assert AuditEvent.objects.filter(target_id=str(inspection.pk)).count() == 3


def test_a_rolled_back_savepoint_does_not_keep_the_next_event_from_being_recorded(inspection):
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            once(inspection, "draft", "ready")
            raise RuntimeError
        once(inspection, "draft", "completed")

    assert [event.changes for event in edits()] == [{"status": ["draft", "completed"]}]


def test_a_rolled_back_savepoint_takes_only_its_own_part(inspection):
    with transaction.atomic():
        once(inspection, "draft", "ready")
        with pytest.raises(RuntimeError), transaction.atomic():
            once(inspection, "ready", "completed")
            raise RuntimeError
        assert [event.changes for event in edits()] == [{"status": ["draft", "ready"]}]
        once(inspection, "ready", "closed")

    assert [event.changes for event in edits()] == [{"status": ["draft", "closed"]}]


def test_a_rolled_back_transaction_leaves_none(inspection):
    with pytest.raises(RuntimeError), transaction.atomic():
        once(inspection, "draft", "ready")
        raise RuntimeError
    with transaction.atomic():
        once(inspection, "draft", "completed")

    assert [event.changes for event in edits()] == [{"status": ["draft", "completed"]}]


def test_what_is_changed_back_is_no_event(inspection):
    with transaction.atomic():
        once(inspection, "draft", "ready")
        assert once(inspection, "ready", "draft") is None
    assert not edits()

    with transaction.atomic():
        once(inspection, "draft", "ready")
        once(inspection, "ready", "draft")
        once(inspection, "draft", "completed")
    assert [event.changes for event in edits()] == [{"status": ["draft", "completed"]}]


def test_what_happened_without_a_change_happened_once(inspection):
    with transaction.atomic():
        first = record_once(InspectionAction.EDITED, target=inspection, data={"by": "first"})
        assert record_once(InspectionAction.EDITED, target=inspection, data={"by": "second"}) == first

    assert [event.data for event in edits()] == [{"by": "first"}]


def test_an_event_of_record_itself_is_left_alone(inspection):
    with transaction.atomic():
        record(InspectionAction.EDITED, target=inspection)
        once(inspection, "draft", "ready")

    assert len(edits()) == 2


def test_a_masked_value_counts_as_changed(inspection):
    with transaction.atomic():
        for old, new in (("a", "b"), ("b", "a")):
            record_once(InspectionAction.EDITED, target=inspection, changes={"access_token": (old, new)})

    assert [event.changes for event in edits()] == [{"access_token": ["********", "********"]}]


def test_after_the_commit_it_is_refused(inspection):
    with pytest.raises(NotInTransaction, match="on_commit=True"):
        once(inspection, "draft", "ready")


def test_within_the_hooks_of_a_commit_it_is_refused(inspection, django_capture_on_commit_callbacks):
    raised = []

    def hook():
        try:
            once(inspection, "draft", "ready")
        except NotInTransaction as error:
            raised.append(error)

    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        transaction.on_commit(hook)

    assert len(raised) == 1
    assert not edits()


def test_the_mail_tells_the_net_change(inspection, mailoutbox):
    with transaction.atomic():
        save(inspection, status="ready", owner=make_user("olga"))
        save(inspection, status="completed")
    sweep()

    assert [mail.subject for mail in mailoutbox] == [
        "upstream.scheduled: Tower 7",
        "upstream.edited: Tower 7",
    ]
    assert "completed" in mailoutbox[1].body
    assert "ready" not in mailoutbox[1].body
