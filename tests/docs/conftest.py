"""What the code of the documentation may use without making it: people, a building, its inspections."""

from types import SimpleNamespace

import pytest

from example_site.inspections import actions, emails, exceptions, models
from example_site.inspections.models import Inspection
from notifyaudit.actions import known
from notifyaudit.registry import emails as registry
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

NAMES = ("inspection", "ready", "building", "inspector", "other_inspector", "reviewer", "owner")


@pytest.fixture
def inspection(draft) -> Inspection:  # noqa: F811
    return draft


@pytest.fixture
def site(monkeypatch):
    """The example's app as pages import it: ``inspections``. What pages define is forgotten afterwards."""
    monkeypatch.setitem(__import__("sys").modules, "inspections", SimpleNamespace(__path__=[]))
    for module in (actions, emails, exceptions, models):
        name = f"inspections.{module.__name__.rpartition('.')[2]}"
        monkeypatch.setitem(__import__("sys").modules, name, module)
    monkeypatch.setattr(known, "_classes", dict(known._classes))
    with registry.isolated():
        yield


@pytest.fixture
def a_missing_mail(ready, reviewer, owner) -> None:  # noqa: F811
    """What the page on a missing mail tells: the owner's address is wrong."""
    owner.email = "owner.example.com"
    owner.save()
    ready.complete(by=reviewer)
