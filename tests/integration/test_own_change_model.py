"""A project that keeps its own change table has it beside the ledger, or served from it."""

from pathlib import Path

import pytest
from django.db import transaction

from notifyaudit import record
from notifyaudit.models import AuditEvent
from tests.integration.kinds import email_kind
from tests.testapp import own_changes
from tests.testapp.actions import DocumentAction
from tests.testapp.own_changes import Change, LedgerChange

pytestmark = pytest.mark.django_db


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


def test_a_row_of_the_own_table_becomes_an_event_and_its_mails(audit_outbox, user):
    with email_kind([user], notify_actor=True, subject="{{ data.name }} was filed") as email_class:
        row = change(user)
        audit_outbox.one(email_class, to=user).assert_subject("Plan A was filed")
    event = AuditEvent.objects.get()
    assert (event.actor, event.changes) == (user, {"kind": ["letter", "plan"]})
    assert event.data == {"model": "testapp.Document", "name": "Plan A", "folder": "Inner"}
    assert (event.source, event.source_ref, event.related[0]["id"]) == ("changes", str(row.pk), str(row.pk))


def test_saving_the_row_again_is_no_second_event(user):
    change(user).save()
    assert AuditEvent.objects.count() == 1


def test_row_and_event_are_rolled_back_together(user):
    with pytest.raises(RuntimeError), transaction.atomic():
        change(user)
        raise RuntimeError
    assert (Change.objects.count(), AuditEvent.objects.count()) == (0, 0)


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
