"""Photos: what is accepted; and a file lives and dies with its row, whatever the transaction comes to."""

import pytest
from django.db import OperationalError, connection, transaction
from django.urls import reverse

from example_site.inspections.actions import PhotoAction
from example_site.inspections.exceptions import IllegalTransition
from example_site.inspections.images import MAX_BYTES
from example_site.inspections.models import Photo
from tests.example.factories import JPEG, PNG, WEBP, upload


def files(media_root) -> list:
    return [path for path in media_root.rglob("*") if path.is_file()]


def fail(*_args, **_options):
    raise RuntimeError("it fails")


@pytest.mark.parametrize(("content", "ending"), [(PNG, ".png"), (JPEG, ".jpg"), (WEBP, ".webp")])
def test_a_photo_is_stored_under_a_name_of_the_sites_own(
    audit_outbox, client, draft, inspector, content, ending
):
    client.force_login(inspector)
    url = reverse("photo_add", args=[draft.pk])
    response = client.post(url, {"image": upload(content, "../evil.html"), "caption": "Stairwell"})
    assert response.status_code == 302
    photo = Photo.objects.get()
    assert photo.image.name.startswith("photos/")
    assert photo.image.name.endswith(ending)
    assert "evil" not in photo.image.name
    [event] = audit_outbox.recorded()
    assert (event.action, event.actor, event.target) == (PhotoAction.ADDED, inspector, photo)


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
def test_anything_but_a_photo_is_refused(audit_outbox, client, draft, inspector, media_root, content, error):
    client.force_login(inspector)
    response = client.post(reverse("photo_add", args=[draft.pk]), {"image": upload(content, "photo.png")})
    assert response.status_code == 422
    assert error in response.text
    assert not Photo.objects.exists()
    assert not list(media_root.iterdir())
    assert audit_outbox.recorded() == []


def test_a_photo_is_removed_with_its_file(
    audit_outbox, client, draft, inspector, media_root, django_capture_on_commit_callbacks
):
    photo = draft.add_photo(upload(), "Stairwell", by=inspector)
    client.force_login(inspector)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(reverse("photo_remove", args=[photo.pk]))
    assert response["Location"] == draft.get_absolute_url()
    assert not Photo.objects.exists()
    assert not files(media_root)
    [event] = audit_outbox.recorded(PhotoAction.REMOVED)
    assert (event.target_repr, event.actor) == ("Stairwell", inspector)


def test_the_photos_of_a_completed_inspection_are_final(audit_outbox, completed, inspector, media_root):
    with pytest.raises(IllegalTransition):
        completed.add_photo(upload(), by=inspector)
    assert not Photo.objects.exists()
    assert not files(media_root)
    assert audit_outbox.recorded() == []


def test_a_photo_that_cannot_be_recorded_leaves_neither_row_nor_file(
    audit_outbox, draft, media_root, monkeypatch
):
    monkeypatch.setattr("example_site.inspections.models.inspections.record", fail)
    with pytest.raises(RuntimeError, match="it fails"):
        draft.add_photo(upload())
    assert not Photo.objects.exists()
    assert not files(media_root)
    audit_outbox.assert_nothing_sent()


@pytest.mark.django_db(transaction=True)
def test_a_commit_that_fails_leaves_neither_row_nor_file_nor_event(
    audit_outbox, draft, media_root, monkeypatch
):
    def lose_connection():
        raise OperationalError("connection lost")

    with monkeypatch.context() as patched, pytest.raises(OperationalError, match="connection lost"):
        patched.setattr(connection, "_commit", lose_connection)
        draft.add_photo(upload())
    assert not Photo.objects.exists()
    assert not files(media_root)
    assert audit_outbox.recorded() == []
    audit_outbox.assert_nothing_sent()


@pytest.mark.django_db(transaction=True)
def test_the_file_of_a_committed_row_survives_what_fails_afterwards(draft, media_root, monkeypatch):
    monkeypatch.setattr(Photo, "save", lambda photo: (Photo.save_base(photo), transaction.on_commit(fail)))
    with pytest.raises(RuntimeError, match="it fails"):
        draft.add_photo(upload())
    assert Photo.objects.exists()
    assert len(files(media_root)) == 1


@pytest.mark.django_db(transaction=True)
def test_an_upload_refuses_a_transaction_that_it_could_not_clean_up_after(draft, media_root):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        draft.add_photo(upload())
    assert not files(media_root)


@pytest.mark.django_db(transaction=True)
def test_a_removal_that_is_rolled_back_keeps_the_file(audit_outbox, draft, media_root):
    photo = draft.add_photo(upload())
    with pytest.raises(RuntimeError, match="it fails"), transaction.atomic():
        photo.remove()
        fail()
    assert Photo.objects.exists()
    assert len(files(media_root)) == 1
    assert audit_outbox.recorded(PhotoAction.REMOVED) == []
    photo = Photo.objects.get()
    photo.remove()
    assert not files(media_root)
