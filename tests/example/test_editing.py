"""The edit form, the form for a new inspection, and photos."""

import pytest
from django.urls import reverse

from example_site.inspections.actions import InspectionAction, PhotoAction
from example_site.inspections.exceptions import IllegalTransition
from example_site.inspections.images import MAX_BYTES
from example_site.inspections.models import Inspection, Photo
from notifyaudit.models import AuditEvent
from tests.example.factories import JPEG, PNG, WEBP, upload


def form_data(inspection: Inspection, **changes) -> dict:
    return {
        "title": inspection.title,
        "scheduled_for": inspection.scheduled_for.isoformat(),
        "inspector": inspection.inspector_id,
        "reviewer": inspection.reviewer_id,
        "summary": inspection.summary,
        **changes,
    }


def test_edit_is_saved_and_recorded_with_what_changed(client, draft, reviewer):
    client.force_login(reviewer)
    url = reverse("inspection_edit", args=[draft.pk])
    response = client.post(url, form_data(draft, scheduled_for="2026-12-04", summary="All clear."))
    assert response["Location"] == draft.get_absolute_url()
    event = AuditEvent.objects.get()
    assert (event.action, event.actor) == (InspectionAction.EDITED, reviewer)
    assert event.changes == {
        "scheduled_for": ["2026-11-20", "2026-12-04"],
        "summary": ["", "All clear."],
    }


def test_edit_that_changes_nothing_records_nothing(client, draft, inspector):
    client.force_login(inspector)
    client.post(reverse("inspection_edit", args=[draft.pk]), form_data(draft))
    assert not AuditEvent.objects.exists()


def test_line_breaks_as_browsers_send_them_are_no_change(client, draft, inspector):
    Inspection.objects.update(summary="One.\n\nTwo.")
    client.force_login(inspector)
    client.post(reverse("inspection_edit", args=[draft.pk]), form_data(draft, summary="One.\r\n\r\nTwo."))
    assert not AuditEvent.objects.exists()


def test_invalid_edit_shows_the_form_again(client, draft, inspector):
    client.force_login(inspector)
    response = client.post(reverse("inspection_edit", args=[draft.pk]), form_data(draft, title=""))
    assert response.status_code == 200
    assert 'aria-invalid="true"' in response.text
    assert not AuditEvent.objects.exists()


def test_status_cannot_be_set_through_the_form(client, draft, inspector):
    client.force_login(inspector)
    client.post(reverse("inspection_edit", args=[draft.pk]), form_data(draft, status="completed"))
    assert Inspection.objects.get().status == "draft"


@pytest.mark.parametrize("method", ["get", "post"])
def test_completed_inspection_is_final(client, completed, superuser, method):
    client.force_login(superuser)
    url = reverse("inspection_edit", args=[completed.pk])
    response = getattr(client, method)(url, form_data(completed, title="Other"), follow=True)
    assert "A completed inspection can no longer be changed." in response.text
    assert Inspection.objects.get().title == "Fire safety, Tower 7"


def test_inspection_completed_meanwhile_is_not_overwritten(client, ready, inspector, monkeypatch):
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


def test_new_inspection_belongs_to_the_building(client, building, inspector, reviewer):
    client.force_login(inspector)
    values = {
        "title": "Lifts",
        "scheduled_for": "2026-12-01",
        "inspector": inspector.pk,
        "reviewer": reviewer.pk,
    }
    response = client.post(f"{reverse('inspection_new')}?building={building.pk}", values)
    created = Inspection.objects.get()
    assert response["Location"] == created.get_absolute_url()
    assert (created.building, created.status) == (building, "draft")


@pytest.mark.parametrize(("content", "ending"), [(PNG, ".png"), (JPEG, ".jpg"), (WEBP, ".webp")])
def test_photo_is_stored_under_a_name_of_the_sites_own(client, draft, inspector, content, ending):
    client.force_login(inspector)
    url = reverse("photo_add", args=[draft.pk])
    response = client.post(url, {"image": upload(content, "../evil.html"), "caption": "Stairwell"})
    assert response.status_code == 302
    photo = Photo.objects.get()
    assert photo.image.name.startswith("photos/")
    assert photo.image.name.endswith(ending)
    assert "evil" not in photo.image.name
    assert AuditEvent.objects.get().action == PhotoAction.ADDED


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Only JPEG, PNG and WebP photos are accepted."),
        (b"GIF89a", "Only JPEG, PNG and WebP photos are accepted."),
        (b"RIFF\0\0\0\0WAVE", "Only JPEG, PNG and WebP photos are accepted."),
        (PNG + b"\0" * MAX_BYTES, "The photo is larger than 5 MB."),
        (b"", "The submitted file is empty."),
    ],
    ids=["svg", "gif", "wave", "too large", "empty"],
)
def test_anything_but_a_photo_is_refused(client, draft, inspector, media_root, content, error):
    client.force_login(inspector)
    response = client.post(reverse("photo_add", args=[draft.pk]), {"image": upload(content, "photo.png")})
    assert response.status_code == 422
    assert error in response.text
    assert not Photo.objects.exists()
    assert not AuditEvent.objects.exists()
    assert not list(media_root.iterdir())


def test_photo_is_removed_with_its_file(
    client, draft, inspector, media_root, django_capture_on_commit_callbacks
):
    photo = draft.add_photo(upload(), "Stairwell", by=inspector)
    client.force_login(inspector)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(reverse("photo_remove", args=[photo.pk]))
    assert response["Location"] == draft.get_absolute_url()
    assert not Photo.objects.exists()
    assert not [path for path in media_root.rglob("*") if path.is_file()]
    assert AuditEvent.objects.get(action=PhotoAction.REMOVED).target_repr == "Stairwell"


def test_photos_of_a_completed_inspection_are_final(completed, inspector):
    with pytest.raises(IllegalTransition):
        completed.add_photo(upload(), by=inspector)
    assert not Photo.objects.exists()
