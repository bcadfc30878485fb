"""The pytest plugin. Imports Django only inside fixtures, when pytest-django has set it up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from notifyaudit.testing.coverage_plugin import CoveragePlugin, add_options
from notifyaudit.testing.introspection import explain

if TYPE_CHECKING:
    from notifyaudit.testing.forgotten import ForgottenWrites
    from notifyaudit.testing.outbox import AuditOutbox


@pytest.fixture(scope="session", autouse=True)
def _wake_ups_suspended(request: pytest.FixtureRequest) -> Iterator[None]:
    """
    Nothing commits in a test, so a wake-up could only linger on the connection, where it breaks
    whoever looks at pending hooks, or reach a queue that the test has nothing to do with.
    """
    if not _is_installed(request):
        yield
        return
    from notifyaudit.waking import wake_ups_suspended  # noqa: PLC0415 - see the module

    with wake_ups_suspended():
        yield


_forgotten: "pytest.StashKey[ForgottenWrites]" = pytest.StashKey()


@pytest.fixture(scope="session", autouse=True)
def _audited_models_watched(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever the settings say: in tests, a forgotten event is a failure."""
    if not _is_installed(request):
        yield
        return
    from notifyaudit.testing.forgotten import ForgottenWrites  # noqa: PLC0415 - see the module

    with ForgottenWrites.watching(request.config.rootpath) as writes:
        request.config.stash[_forgotten] = writes
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What another test has left behind is not this one's."""
    writes = item.config.stash.get(_forgotten, None)
    if writes:
        writes.take()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that has written to an ``@audited`` model without an event, in its fixtures or itself."""
    __tracebackhide__ = True
    writes = item.config.stash.get(_forgotten, None)
    try:
        yield
    finally:
        failure = writes.take() if writes else ""
    if failure:
        _fail(failure)


def _fail(failure: str) -> None:
    # A frame that is not hidden, of which nothing is shown: else pytest tells that all of them are hidden.
    pytest.fail(failure, pytrace=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Those of the coverage of notifications."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Measure the coverage of notifications if it is asked for."""
    option = config.option
    if option.notifyaudit_coverage or option.notifyaudit_fail_under is not None:
        config.pluginmanager.register(CoveragePlugin(config), "notifyaudit-coverage")


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Say of which mail a compared text is, and mark the difference."""
    return explain(op, left, right)


@pytest.fixture
def audit_outbox(db: None) -> "Iterator[AuditOutbox]":
    """
    What the library would have sent to whom, through the real pipeline, inside the test's transaction::

        def test_owner_is_told(audit_outbox, inspection, inspector):
            inspection.complete(by=inspector)
            email = audit_outbox.one(InspectionCompletedEmail, to=inspection.owner)
            email.assert_subject("Tower 7 was completed")
            audit_outbox.assert_no_more()
    """
    del db
    from notifyaudit.testing.outbox import AuditOutbox  # noqa: PLC0415 - see the module

    with AuditOutbox.opened() as outbox:
        yield outbox


def _is_installed(request: pytest.FixtureRequest) -> bool:
    if not request.config.pluginmanager.has_plugin("django"):
        return False
    from pytest_django.lazy_django import django_settings_is_configured  # noqa: PLC0415 - see the module

    if not django_settings_is_configured():
        return False
    from django.apps import apps  # noqa: PLC0415 - see the module

    return apps.is_installed("notifyaudit")
