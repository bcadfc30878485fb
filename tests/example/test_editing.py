"""The edit form: what is saved and recorded, and what is not a change."""

import pytest
from django.urls import reverse

from example_site.inspections.actions import InspectionAction
from example_site.inspections.models import Inspection


def form_data(inspection: Inspection, **changes) -> dict:
    return {
        "title": inspection.title,
        "scheduled_for": inspection.scheduled_for.isoformat(),
        "inspector": inspection.inspector_id,
        "reviewer": inspection.reviewer_id,
        "summary": inspection.summary,
        **changes,
    }


def test_an_edit_is_saved_and_recorded_with_what_changed(audit_outbox, client, draft, reviewer):
    client.force_login(reviewer)
    url = reverse("inspection_edit", args=[draft.pk])
    response = client.post(url, form_data(draft, scheduled_for="2026-12-04", summary="All clear."))
    assert response["Location"] == draft.get_absolute_url()
    assert Inspection.objects.get().summary == "All clear."
    [event] = audit_outbox.recorded()
    assert (event.action, event.actor) == (InspectionAction.EDITED, reviewer)
    assert event.changes == {
        "scheduled_for": ["2026-11-20", "2026-12-04"],
        "summary": ["", "All clear."],
    }


def test_an_edit_that_changes_nothing_records_nothing(audit_outbox, client, draft, inspector):
    client.force_login(inspector)
    client.post(reverse("inspection_edit", args=[draft.pk]), form_data(draft))
    assert audit_outbox.recorded() == []


def test_line_breaks_as_browsers_send_them_are_no_change(audit_outbox, client, draft, inspector):
    Inspection.objects.update(summary="One.\n\nTwo.")
    client.force_login(inspector)
    client.post(reverse("inspection_edit", args=[draft.pk]), form_data(draft, summary="One.\r\n\r\nTwo."))
    assert audit_outbox.recorded() == []


def test_an_invalid_edit_shows_the_form_again(audit_outbox, client, draft, inspector):
    client.force_login(inspector)
    response = client.post(reverse("inspection_edit", args=[draft.pk]), form_data(draft, title=""))
    assert response.status_code == 200
    assert 'aria-invalid="true"' in response.text
    assert audit_outbox.recorded() == []


def test_the_status_cannot_be_set_through_the_form(client, draft, inspector):
    client.force_login(inspector)
    client.post(reverse("inspection_edit", args=[draft.pk]), form_data(draft, status="completed"))
    assert Inspection.objects.get().status == "draft"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_completed_inspection_is_final(audit_outbox, client, completed, superuser, method):
    client.force_login(superuser)
    url = reverse("inspection_edit", args=[completed.pk])
    response = getattr(client, method)(url, form_data(completed, title="Other"), follow=True)
    assert "A completed inspection can no longer be changed." in response.text
    assert Inspection.objects.get().title == "Fire safety, Tower 7"
    assert audit_outbox.recorded() == []


def test_an_inspection_that_was_completed_meanwhile_is_not_overwritten(
    audit_outbox, client, ready, inspector, monkeypatch
):
    lock_open = Inspection.lock_open

    def completed_meanwhile(inspection):
        Inspection.objects.update(status="completed")
        lock_open(inspection)

    monkeypatch.setattr(Inspection, "lock_open", completed_meanwhile)
    client.force_login(inspector)
    url = reverse("inspection_edit", args=[ready.pk])
    response = client.post(url, form_data(ready, title="Other"), follow=True)
    assert "A completed inspection can no longer be changed." in response.text
    assert Inspection.objects.get().title == "Fire safety, Tower 7"
    assert audit_outbox.recorded() == []
