"""manage.py check: every mistake that can be seen at start is told, with its mend."""

import os
import subprocess
import sys
from zoneinfo import reset_tzpath

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

from example_site.processes import ROOT
from notifyaudit import Action, actions, compat, registry
from notifyaudit.checks import declarations
from tests.integration.kinds import email_kind
from tests.integration.queues import REMOTE

# Some of Django's own checks ask the database.
pytestmark = pytest.mark.django_db

BASE = {"BASE_URL": "https://site.example"}


def found():
    return [
        (message.id, message.msg, message.hint)
        for message in run_checks()
        if message.id.startswith("notifyaudit")
    ]


def only():
    ((identifier, message, hint),) = found()
    assert hint
    return identifier, f"{message} {hint}"


def test_the_project_itself_is_clean():
    call_command("check", fail_level="WARNING")
    assert found() == []


def test_a_wrong_setting():
    with override_settings(NOTIFYAUDIT={"BASEURL": ""}):
        assert found()[0][0] == "notifyaudit.E001"
        assert "Did you mean 'BASE_URL'" in found()[0][1]


def test_a_database_that_is_not_there():
    with override_settings(NOTIFYAUDIT={**BASE, "DATABASE": "ledger"}):
        identifier, text = only()
    assert identifier == "notifyaudit.E002"
    assert "'ledger'" in text
    assert "'default'" in text


def test_no_base_url():
    with override_settings(NOTIFYAUDIT={}):
        identifier, text = only()
    assert (identifier, "https://" in text) == ("notifyaudit.W001", True)


def test_two_settings_for_staging_of_which_one_has_no_effect():
    staging = {"REDIRECT_ALL_TO": "dev@x.example", "ALLOWED_RECIPIENTS": ["*@x.example"]}
    with override_settings(NOTIFYAUDIT={**BASE, **staging}):
        identifier, text = only()
    assert (identifier, "REDIRECT_ALL_TO takes every mail" in text) == ("notifyaudit.W003", True)


@pytest.mark.parametrize("name", ["RECIPIENT_LANGUAGE", "RECIPIENT_TIMEZONE"])
def test_a_function_that_there_is_not(name):
    with override_settings(NOTIFYAUDIT={**BASE, name: "tests.unit.readers.nobody"}):
        identifier, text = only()
    assert (identifier, f"NOTIFYAUDIT['{name}'] is 'tests.unit.readers.nobody'" in text) == (
        "notifyaudit.E001",
        True,
    )


def test_a_relation_that_the_user_model_does_not_have():
    with override_settings(NOTIFYAUDIT={**BASE, "RECIPIENT_SELECT_RELATED": ["profile"]}):
        assert found() == []
    with override_settings(NOTIFYAUDIT={**BASE, "RECIPIENT_SELECT_RELATED": ["settings"]}):
        identifier, text = only()
    assert (identifier, "RECIPIENT_SELECT_RELATED" in text, "'settings'" in text) == (
        "notifyaudit.E001",
        True,
        True,
    )


def test_a_project_without_the_pages_to_unsubscribe():
    with override_settings(ROOT_URLCONF="example_site.inspections.urls"):
        identifier, text = only()
        assert (identifier, 'include("notifyaudit.urls")' in text) == ("notifyaudit.W004", True)
        with registry.emails.isolated():
            registry.emails._classes = {
                key: each for key, each in registry.emails._classes.items() if each.collects or each.mandatory
            }
            assert found() == []


def test_an_action_that_is_called_as_the_librarys_own(monkeypatch):
    monkeypatch.setattr(actions.known, "_classes", dict(actions.known._classes))

    class ForeignAction(Action):
        LEFT = "notifyaudit.left", "Left"

    identifier, text = only()
    assert (identifier, "'notifyaudit.left'" in text) == ("notifyaudit.E012", True)


def test_a_task_backend_that_makes_callers_wait():
    path = f"{compat.ImmediateBackend.__module__}.ImmediateBackend"
    with override_settings(TASKS={"default": {"BACKEND": path}}):
        identifier, text = only()
        assert identifier == "notifyaudit.W002"
        assert "sweep --loop" in text
        with override_settings(NOTIFYAUDIT={**BASE, "WAKE_UP": "never"}):
            assert found() == []


def test_no_default_task_backend():
    path = f"{compat.ImmediateBackend.__module__}.ImmediateBackend"
    with override_settings(TASKS={"other": {"BACKEND": path}}):
        identifier, text = only()
        assert (identifier, "'default'" in text) == ("notifyaudit.E009", True)
        with override_settings(NOTIFYAUDIT={**BASE, "WAKE_UP": "never"}):
            assert found() == []


def test_a_project_without_a_default_task_backend_starts_and_is_told(tmp_path):
    (tmp_path / "without_tasks.py").write_text(
        "from tests.settings import *\n"
        "TASKS = {'other': {'BACKEND': 'django_tasks_db.DatabaseBackend'}}\n"
        "if os.environ.get('WAKE_UP'): NOTIFYAUDIT['WAKE_UP'] = os.environ['WAKE_UP']\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "DJANGO_SETTINGS_MODULE": "without_tasks",
    }
    command = [sys.executable, "-m", "django", "check"]
    told = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "notifyaudit.E009" in told.stderr
    assert "Traceback" not in told.stderr
    subprocess.run(command, env=environment | {"WAKE_UP": "never"}, cwd=ROOT, capture_output=True, check=True)


def test_a_task_without_a_backend_can_be_called_and_says_why_it_is_not_enqueued():
    with override_settings(TASKS={}):
        task = compat.background_task(lambda: "done")
    assert task.call() == "done"
    with pytest.raises(ImproperlyConfigured, match="TASKS has no 'default' backend"):
        task.enqueue()


@pytest.mark.parametrize(
    "tasks", [REMOTE, {"default": {"BACKEND": f"{compat.ImmediateBackend.__module__}.ImmediateBackend"}}]
)
def test_a_task_backend_that_cannot_take_part_in_the_transaction(tasks):
    with override_settings(TASKS=tasks, NOTIFYAUDIT={**BASE, "WAKE_UP": "transaction"}):
        (text,) = [
            f"{message} {hint}" for identifier, message, hint in found() if identifier.endswith("E010")
        ]
    assert "the ledger's database 'default'" in text
    assert "'on_commit'" in text
    assert "django_tasks_db.DatabaseBackend" in text


def test_tasks_in_another_database_than_the_ledger_cannot_take_part_in_the_transaction(monkeypatch):
    with override_settings(NOTIFYAUDIT={**BASE, "WAKE_UP": "transaction"}):
        assert found() == []
        # As a project's DATABASE_ROUTERS would answer.
        monkeypatch.setattr(compat.router, "db_for_write", lambda model: "queues")
        assert [identifier for identifier, _, _ in found()] == ["notifyaudit.E010"]


@pytest.mark.parametrize("sender", ["Site <no-reply@x.example", "a@x.example, b@x.example", "ö@x.example"])
def test_a_sender_that_no_mail_can_have(sender):
    with override_settings(DEFAULT_FROM_EMAIL=sender):
        identifier, text = only()
    assert identifier == "notifyaudit.E011"
    assert repr(sender) in text


@pytest.mark.parametrize("sender", ["webmaster@localhost", "webmaster", "Büro <info@büro.example>"])
def test_a_sender_that_a_mail_can_have(sender):
    with override_settings(DEFAULT_FROM_EMAIL=sender):
        assert found() == []


def test_an_action_that_is_declared_twice(monkeypatch):
    monkeypatch.setattr(actions.known, "_classes", dict(actions.known._classes))

    class AgainAction(Action):
        FILED = "document.filed", "Again"

    identifier, text = only()
    assert (identifier, "'document.filed'" in text) == ("notifyaudit.E003", True)


def test_two_classes_with_one_key():
    with email_kind(name="A"), email_kind(name="B"):
        identifier, text = only()
    assert identifier == "notifyaudit.E004"
    assert "kinds.A" in text
    assert "kinds.B" in text


@pytest.mark.parametrize(
    ("attributes", "identifier", "words"),
    [
        ({"actions": ["document.field"]}, "E005", ["'document.field'", "Did you mean 'document.filed'"]),
        ({"actions": ["nothing.like.*"]}, "E005", ["'nothing.like.*'", "actions.py"]),
        ({"subject": "{% if %}"}, "E006", ["subject does not compile"]),
        ({"subject": None}, "E006", ["has no subject"]),
        ({"template_name": None}, "E007", ["has no template"]),
        ({"template_name": "nowhere.html"}, "E007", ["'nowhere.html' does not exist"]),
        ({"template_txt_name": "testapp/broken.html"}, "E007", ["'testapp/broken.html' does not compile"]),
    ],
)
def test_an_email_class_with_a_mistake(attributes, identifier, words):
    with email_kind(**attributes):
        actual, text = only()
    assert actual == f"notifyaudit.{identifier}"
    assert "FiledEmail" in text
    assert [word for word in words if word not in text] == []


def test_a_class_that_makes_its_own_subject_and_body_needs_neither_attribute():
    with email_kind(subject=None, template_name=None, get_subject=lambda self: "x", build=lambda self: None):
        assert found() == []


@isolate_apps("tests.testapp")
def test_a_parent_that_the_model_does_not_have(monkeypatch):
    class Orphan(models.Model):
        notifyaudit_parent = "nobody"

        class Meta:
            app_label = "testapp"

    monkeypatch.setattr(declarations.apps, "get_models", lambda: [Orphan])
    (message,) = declarations.check_parents()
    assert (message.id, "'nobody'" in message.msg) == ("notifyaudit.E008", True)


def test_a_permission_that_no_model_declares():
    with email_kind(permission="testapp.view_dokument"):
        identifier, text = only()
    assert identifier == "notifyaudit.W005"
    assert "FiledEmail" in text
    assert "Did you mean 'testapp.view_document'" in text
    with email_kind(permission="testapp.view_document"):
        assert found() == []


def test_a_machine_without_time_zones():
    reset_tzpath(to=[])
    with pytest.MonkeyPatch.context() as patched:
        # A package of that name takes the place of what the system lacks.
        patched.setitem(sys.modules, "tzdata", None)
        try:
            assert only()[0] == "notifyaudit.W006"
        finally:
            reset_tzpath()
