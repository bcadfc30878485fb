"""What most of these tests arrange."""

import pytest
from django.db import models

from example_site.inspections.models import User
from notifyaudit import record
from tests.integration.shop import run_django, run_pytest, shop  # noqa: F401 - fixtures
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Folder


@pytest.fixture
def user(db):
    return User.objects.create(username="owner", email="owner@example.com")


@pytest.fixture
def other(db):
    return User.objects.create(username="other", email="other@example.com")


@pytest.fixture
def folder(db):
    return Folder.objects.create(name="Inner", parent=Folder.objects.create(name="Outer"))


@pytest.fixture
def document(user, folder):
    return Document.objects.create(title="Plan A", owner=user, folder=folder)


@pytest.fixture
def hide_rows(monkeypatch):
    """A function that lets a model's default manager hide all rows, as one does for archived objects."""

    class HidingManager(models.Manager):
        def get_queryset(self):
            return super().get_queryset().none()

    def hide(model):
        manager = HidingManager()
        manager.model = model
        monkeypatch.setitem(vars(model._meta), "default_manager", manager)
        assert not model._default_manager.exists()

    return hide


@pytest.fixture
def change(document):
    """A function that records a change of the document, of which its owner is told."""

    def change(**options):
        return record(
            DocumentAction.CHANGED, target=document, changes={"kind": ("letter", "plan")}, **options
        )

    return change
