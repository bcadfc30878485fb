"""Files that belong to a row. No transaction rolls them back or delays their deletion by itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from django.db import transaction
from django.db.models.fields.files import FieldFile


@contextmanager
def atomic_with_files() -> Iterator[Callable[[FieldFile], None]]:
    """
    A transaction that takes the files stored in it with it when it fails::

        with atomic_with_files() as store:
            store(photo.image)
            photo.save()

    It has to be the outermost one: Django tells nobody of the roll-back of another's.

    Raises:
        RuntimeError: inside another transaction.
    """
    undo: list[Callable[[], None]] = []

    def store(file: FieldFile) -> None:
        file.save(file.name, file.file, save=False)
        undo.append(partial(file.storage.delete, file.name))

    try:
        with transaction.atomic(durable=True):
            # First of all: when a later callback raises, the rows are there and need their files.
            transaction.on_commit(undo.clear)
            yield store
    except BaseException:
        for delete in undo:
            delete()
        raise


def delete_after_commit(file: FieldFile) -> None:
    """Delete the file of a row that is being deleted: a removal that is rolled back must find it again."""
    storage, name = file.storage, file.name
    transaction.on_commit(partial(storage.delete, name), robust=True)
