"""A project that keeps its own change table has it beside the ledger, or served from it."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import post_save
from django.utils.timezone import now

from notifyaudit import record
from notifyaudit.exceptions import UnknownAction, WrongDatabase
from notifyaudit.masking import MASK
from notifyaudit.models import AuditEvent
from notifyaudit.sources import Seen, Subject, configured, table
from notifyaudit.tasks import sweep
from tests.integration.kinds import email_kind
from tests.testapp import own_changes
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document
from tests.testapp.own_changes import Change, LedgerChange

pytestmark = pytest.mark.django_db

PATH = "tests.testapp.own_changes.Changes"


@pytest.fixture
def beside(settings):
    """The table is a source of the ledger."""
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {PATH: {}}}


def change(user, **values):
    return Change.objects.create(
        action=DocumentAction.FILED,
        user=user,
        related_model="testapp.Document",
        related_str="Plan A",
        fields={"kind": ["letter", "plan"]},
        related_data={"folder": "Inner"},
        **values,
    )


@pytest.mark.usefixtures("beside")
def test_a_row_of_the_own_table_becomes_an_event_and_its_mails(audit_outbox, user):
    with email_kind([user], notify_actor=True, subject="{{ event.target_repr }} was filed") as email_class:
        row = change(user)
        audit_outbox.one(email_class, to=user).assert_subject("Plan A was filed")
    event = AuditEvent.objects.get()
    assert (event.actor, event.changes) == (user, {"kind": ["letter", "plan"]})
    assert (event.target_type, event.target_repr) == ("testapp.Document", "Plan A")
    assert event.data == {"action": "document.filed", "folder": "Inner"}
    assert (event.source, event.source_ref, event.related[0]["id"]) == ("changes", str(row.pk), str(row.pk))


@pytest.mark.usefixtures("beside")
def test_a_row_without_fields_is_an_event_too(user):
    Change.objects.create(action=DocumentAction.REMOVED, user=user, related_str="Plan A")
    assert [(event.action, event.changes) for event in AuditEvent.objects.all()] == [("document.removed", {})]


@pytest.mark.usefixtures("beside")
def test_what_the_model_of_that_name_declares_as_sensitive_is_masked(user, monkeypatch):
    monkeypatch.setattr(Document, "notifyaudit_sensitive_fields", ("diagnosis",), raising=False)
    Change.objects.create(
        action=DocumentAction.FILED,
        user=user,
        related_model="testapp.Document",
        fields={"diagnosis": ["flu", "cold"], "kind": ["letter", "plan"]},
        related_data={"diagnosis": "cold"},
    )

    event = AuditEvent.objects.get()
    assert event.changes == {"diagnosis": [MASK, MASK], "kind": ["letter", "plan"]}
    assert event.data["diagnosis"] == MASK


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"reference": 7}, TypeError, r"Seen.reference must be text: str\(7\)"),
        ({"target": None}, TypeError, "Seen.target must be a model instance or a Subject, not None"),
        ({"kind": "update"}, ValueError, "Kind.CREATED, UPDATED or DELETED, not 'update'"),
    ],
)
def test_a_row_that_is_read_wrongly_is_refused_in_words_that_name_source_and_row(
    user, monkeypatch, values, error, words
):
    right = {"reference": "1", "kind": "updated", "target": Subject(repr="Plan A")}
    monkeypatch.setattr(own_changes.Changes, "seen", lambda self, row: Seen(**right | values))

    with pytest.raises(error, match=words) as caught, transaction.atomic():
        change(user)
    assert caught.value.__notes__[0].startswith("While the source 'changes' read testapp.Change ")
    assert Change.objects.count() == 0


@pytest.mark.usefixtures("beside")
def test_data_of_the_row_does_not_say_which_action_it_is(user):
    Change.objects.create(
        action=DocumentAction.FILED, user=user, fields={"kind": ["", "plan"]}, related_data={"action": "x"}
    )
    assert AuditEvent.objects.get().action == "document.filed"


@pytest.mark.usefixtures("beside")
def test_saving_the_row_again_is_no_second_event(user):
    change(user).save()
    assert AuditEvent.objects.count() == 1


@pytest.mark.usefixtures("beside")
def test_row_and_event_are_rolled_back_together(user):
    with pytest.raises(RuntimeError), transaction.atomic():
        change(user)
        raise RuntimeError
    assert (Change.objects.count(), AuditEvent.objects.count()) == (0, 0)


@pytest.mark.usefixtures("beside")
def test_a_row_of_an_unknown_action_is_refused(user):
    with pytest.raises(UnknownAction), transaction.atomic():
        Change.objects.create(action="document.flied", user=user)
    assert not Change.objects.exists()


@pytest.mark.usefixtures("beside")
def test_a_row_of_another_database_is_refused(user):
    row = change(user)
    row._state.db = "archive"
    with pytest.raises(WrongDatabase, match="'archive'"):
        post_save.send(Change, instance=row, created=True, raw=False)


@pytest.mark.usefixtures("beside")
def test_rows_of_a_fixture_or_a_bulk_are_left_to_the_backfill(user):
    row = Change(action="document.filed", user=user, related_str="Plan A", fields={"kind": ["a", "b"]})
    post_save.send(Change, instance=row, created=True, raw=True)
    Change.objects.bulk_create([row])
    assert not AuditEvent.objects.exists()


def test_the_backfill_makes_the_events_that_were_made_live(beside, user, mailoutbox):
    facts = ["action", "actor_id", "target_type", "target_repr", "changes", "data", "related", "source_ref"]
    rows = [change(user) for _ in range(3)]
    live = list(AuditEvent.objects.order_by("pk").values(*facts))
    QuerySet(AuditEvent).delete()
    for _ in range(2):
        call_command("notifyaudit", "backfill", "changes", stdout=StringIO())
        assert list(AuditEvent.objects.order_by("pk").values(*facts)) == live
    sweep()
    assert [event["source_ref"] for event in live] == [str(row.pk) for row in rows]
    assert not mailoutbox


def test_the_history_is_read_in_portions(beside, user, monkeypatch, django_assert_num_queries):
    rows = [change(user) for _ in range(5)]
    monkeypatch.setattr(table, "PAGE", 2)
    (source,) = configured.sources()
    with django_assert_num_queries(
        3 + 5
    ):  # the portions, and each row's user: it asks for no select_related()
        assert [seen.reference for seen in source.history()] == [str(row.pk) for row in rows]


def test_rows_of_one_moment_are_neither_skipped_nor_read_twice(monkeypatch):
    moment = now()
    for days, name in ((0, "d"), (2, "a"), (1, "b"), (1, "c"), (0, "e"), (0, "f")):
        record(DocumentAction.FILED, data={"name": name}, occurred_at=moment - timedelta(days=days))
    monkeypatch.setattr(table, "PAGE", 2)
    portions = table.pages(AuditEvent.objects.all(), "occurred_at")
    assert [[event.data["name"] for event in portion] for portion in portions] == [
        ["a", "b"],
        ["c", "d"],
        ["e", "f"],
    ]


def test_the_ledger_serves_the_names_that_templates_and_reports_already_use(document, user):
    record(
        DocumentAction.CHANGED,
        target=document,
        actor=user,
        changes={"kind": ("letter", "plan")},
        data={"folder": "Inner"},
    )
    row = LedgerChange.objects.get(target_type="testapp.Document", target_id=str(document.pk))
    assert (row.action, row.user) == ("document.changed", user)
    assert (row.related_model, row.related_str) == ("testapp.Document", "Plan A")
    assert (row.fields, row.related_data) == ({"kind": ["letter", "plan"]}, {"folder": "Inner"})


def test_the_documentation_shows_this_very_code():
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "own-change-model.md").read_text()
    classes = Path(own_changes.__file__).read_text().split("\n\n\n")[1:]
    assert len(classes) == 3
    assert [code for code in classes if code.strip() not in page] == []
