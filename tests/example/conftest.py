"""The people, the building and the inspection that the example site's tests speak of."""

import pytest

from example_site.inspections.models import Building, Inspection, User
from tests.example.factories import make_building, make_inspection, make_user


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def inspector(db) -> User:
    return make_user("inspector", User.Role.INSPECTOR)


@pytest.fixture
def other_inspector(db) -> User:
    return make_user("inspector2", User.Role.INSPECTOR)


@pytest.fixture
def reviewer(db) -> User:
    return make_user("reviewer", User.Role.REVIEWER)


@pytest.fixture
def owner(db) -> User:
    return make_user("owner", User.Role.OWNER)


@pytest.fixture
def other_owner(db) -> User:
    return make_user("owner2", User.Role.OWNER)


@pytest.fixture
def superuser(db) -> User:
    return make_user("admin", User.Role.REVIEWER, is_superuser=True)


@pytest.fixture
def building(owner) -> Building:
    return make_building(owner)


@pytest.fixture
def draft(building, inspector, reviewer) -> Inspection:
    return make_inspection(building, inspector, reviewer)


@pytest.fixture
def ready(building, inspector, reviewer) -> Inspection:
    return make_inspection(building, inspector, reviewer, status=Inspection.Status.READY)


@pytest.fixture
def completed(building, inspector, reviewer) -> Inspection:
    return make_inspection(building, inspector, reviewer, status=Inspection.Status.COMPLETED)
