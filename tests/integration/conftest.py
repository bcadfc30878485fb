"""What most of these tests arrange."""

import pytest

from example_site.inspections.models import User
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
