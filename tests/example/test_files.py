"""A file lives and dies with its row, whatever the transaction comes to."""

import pytest
from django.db import OperationalError, connection, transaction

from example_site.inspections.exceptions import IllegalTransition
from example_site.inspections.models import Photo
from notifyaudit.models import AuditEvent
from tests.example.factories import upload


def files(media_root) -> list:
    return [path for path in media_root.rglob("*") if path.is_file()]


def fail(*_args, **_options):
    raise RuntimeError("it fails")


def test_file_is_gone_when_the_recording_fails(draft, media_root, monkeypatch, audit_outbox):
    monkeypatch.setattr("example_site.inspections.models.inspections.record", fail)
    with pytest.raises(RuntimeError, match="it fails"):
        draft.add_photo(upload())
    assert not Photo.objects.exists()
    assert not files(media_root)
    audit_outbox.assert_nothing_sent()


def test_nothing_is_stored_for_a_completed_inspection(completed, media_root):
    with pytest.raises(IllegalTransition):
        completed.add_photo(upload())
    assert not files(media_root)


@pytest.mark.django_db(transaction=True)
def test_file_is_gone_when_the_commit_fails(draft, media_root, monkeypatch):
    def lose_connection():
        raise OperationalError("connection lost")

    with monkeypatch.context() as patched, pytest.raises(OperationalError, match="connection lost"):
        patched.setattr(connection, "_commit", lose_connection)
        draft.add_photo(upload())
    assert not Photo.objects.exists()
    assert not AuditEvent.objects.exists()
    assert not files(media_root)


@pytest.mark.django_db(transaction=True)
def test_file_of_a_committed_row_survives_what_fails_afterwards(draft, media_root, monkeypatch):
    monkeypatch.setattr(Photo, "save", lambda photo: (Photo.save_base(photo), transaction.on_commit(fail)))
    with pytest.raises(RuntimeError, match="it fails"):
        draft.add_photo(upload())
    assert Photo.objects.exists()
    assert len(files(media_root)) == 1


@pytest.mark.django_db(transaction=True)
def test_upload_refuses_a_transaction_that_it_could_not_clean_up_after(draft, media_root):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        draft.add_photo(upload())
    assert not files(media_root)


@pytest.mark.django_db(transaction=True)
def test_removal_that_is_rolled_back_keeps_the_file(draft, media_root):
    photo = draft.add_photo(upload())
    with pytest.raises(RuntimeError, match="it fails"), transaction.atomic():
        photo.remove()
        fail()
    assert Photo.objects.exists()
    assert len(files(media_root)) == 1
    photo = Photo.objects.get()
    photo.remove()
    assert not files(media_root)
