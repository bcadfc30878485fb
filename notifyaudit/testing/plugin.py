"""The pytest plugin. Imports Django only inside fixtures, when pytest-django has set it up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
    from notifyaudit.tasks import wake_ups_suspended  # noqa: PLC0415 - see the module

    with wake_ups_suspended():
        yield


@pytest.fixture
def audit_outbox(db: None) -> "AuditOutbox":
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

    return AuditOutbox()


def _is_installed(request: pytest.FixtureRequest) -> bool:
    if not request.config.pluginmanager.has_plugin("django"):
        return False
    from pytest_django.lazy_django import django_settings_is_configured  # noqa: PLC0415 - see the module

    if not django_settings_is_configured():
        return False
    from django.apps import apps  # noqa: PLC0415 - see the module

    return apps.is_installed("notifyaudit")
