from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command

from notifyaudit.sources import configured


@pytest.mark.django_db
def test_migrations_are_complete():
    # django-field-history 0.8.0 lacks one of its own for its default of today.
    ours = [app for app in ("upstream", "triggers") if apps.is_installed(f"tests.sources.{app}")]
    call_command("makemigrations", *ours, check=True, dry_run=True, stdout=StringIO())


@pytest.mark.parametrize(
    ("app", "path"), [("reversion", "reversion.Reversion"), ("field_history", "field_history.FieldHistory")]
)
def test_a_package_that_is_no_app_is_told(settings, app, path):
    settings.INSTALLED_APPS = [each for each in settings.INSTALLED_APPS if each != app]
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {f"notifyaudit.sources.{path}": {}}}
    (source,) = configured.sources()

    assert list(source.problems()) == [f"{app} is not in INSTALLED_APPS, so it has no tables."]


def test_all_packages_pass_the_checks():
    call_command("check", fail_level="WARNING", stdout=StringIO(), stderr=StringIO())
