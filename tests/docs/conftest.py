"""What the code of the documentation may use without making it: people, a building, its inspections."""

import sys
from types import ModuleType

import pytest

from example_site.inspections import actions, emails, exceptions, models, reporting
from example_site.inspections.models import Inspection
from notifyaudit.actions import known
from notifyaudit.registry import emails as registry
from tests.example import factories
from tests.example.conftest import (  # noqa: F401
    building,
    draft,
    inspector,
    media_root,
    other_inspector,
    owner,
    ready,
    reviewer,
)
from tests.integration.conftest import document, folder, other, user  # noqa: F401

NAMES = ("inspection", "ready", "building", "inspector", "other_inspector", "reviewer", "owner")


@pytest.fixture
def inspection(draft) -> Inspection:  # noqa: F811
    return draft


@pytest.fixture
def site(monkeypatch):
    """The example's app as pages import it: ``inspections``. What pages define is forgotten afterwards."""
    package = ModuleType("inspections")
    package.__path__ = []
    monkeypatch.setitem(sys.modules, "inspections", package)
    for module in (actions, emails, exceptions, models, reporting, factories):
        # A copy: what a page defines must not stay in the example's own module.
        copy = ModuleType(f"inspections.{module.__name__.rpartition('.')[2]}")
        copy.__dict__.update({name: value for name, value in vars(module).items() if name != "__name__"})
        monkeypatch.setitem(sys.modules, copy.__name__, copy)
    monkeypatch.setattr(known, "_classes", dict(known._classes))
    with registry.isolated():
        yield


@pytest.fixture
def a_missing_mail(ready, reviewer, owner) -> dict[str, Inspection]:  # noqa: F811
    """What the page on a missing mail tells: the owner's address is wrong."""
    owner.email = "owner.example.com"
    owner.save()
    ready.complete(by=reviewer)
    return {"inspection": ready}
