"""Runs under its own settings only, which install every audit package; nothing is collected under others."""

from importlib.metadata import version

import pytest
from django.conf import settings

PACKAGES = [
    "django-simple-history",
    "django-auditlog",
    "django-reversion",
    "django-field-history",
    "django-lifecycle",
    "django-pghistory",
    "django-pgtrigger",
]

INSTALLED = settings.SETTINGS_MODULE == "tests.sources.settings"
if not INSTALLED:
    collect_ignore_glob = ["*"]


if INSTALLED:
    from tests.sources.postgres import committing  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def _nobody_asks():
    """django-field-history's middleware leaves the request, and with it the user, in its thread."""
    yield
    if INSTALLED:
        from field_history.tracker import FieldHistoryTracker

        vars(FieldHistoryTracker.thread).pop("request", None)


def pytest_report_header():
    return "packages: " + ", ".join(f"{name} {version(name)}" for name in PACKAGES) if INSTALLED else []
