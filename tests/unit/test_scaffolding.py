"""What manage.py startemail adds to a module, and what it takes a name for."""

from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.template import engines
from django.template.utils import get_app_template_dirs

from notifyaudit.management.commands.startemail import write
from notifyaudit.management.scaffolding.imports import names_in, with_imports
from notifyaudit.management.scaffolding.places import template_folder
from notifyaudit.management.scaffolding.planning import Plan, plan
from notifyaudit.management.scaffolding.sources import Words

NEEDED = [
    ("collections.abc", "Iterable"),
    ("typing", "Any"),
    ("notifyaudit", "AuditEmail"),
    ("shop.actions", "OrderAction"),
]
ALL = """\
from collections.abc import Iterable
from typing import Any

from notifyaudit import AuditEmail

from shop.actions import OrderAction
"""


STDLIB = "from collections.abc import Iterable\nfrom typing import Any\n"
OWN = "from shop.actions import OrderAction\n"
EMAIL = "from notifyaudit import AuditEmail\n"
FUTURE = "from __future__ import annotations\n"
MODEL = "from shop.models import Order\n"
LONG = "from notifyaudit import (\n    Frequency,\n)\n"
SOME = "from notifyaudit import AuditEmail, Frequency\nfrom shop.actions import OrderAction, PartAction\n"
RECORD = "from notifyaudit import record\n"
BOTH = "from notifyaudit import AuditEmail, record\n"
ITERABLE = "from collections.abc import Iterable\n"
RELATIVE = "from .actions import OrderAction\n"


LICENCE = "#!/usr/bin/env python\n# SPDX-License-Identifier: MIT\n"
STAR = "from shop.actions import *\n"
TWO = "from shop.actions import PartAction; x = 1\n"
OTHERS = "from typing import Iterable\n\nfrom .own import OrderAction\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ALL),
        ('"""Mails."""\n', f'"""Mails."""\n\n{ALL}'),
        (ALL, ALL),
        ("\n\nx = 1\n", f"{ALL}\n\nx = 1\n"),
        (f"{SOME}\nx = 1\n", f"{STDLIB}\n{SOME}\nx = 1\n"),
        (
            f"import re\nfrom typing import TYPE_CHECKING, cast\n\n{RECORD}\n{RELATIVE}",
            f"import re\n{ITERABLE}from typing import TYPE_CHECKING, Any, cast\n\n{BOTH}\n{RELATIVE}",
        ),
        (f"{FUTURE}\n{MODEL}", f"{FUTURE}\n{STDLIB}\n{EMAIL}\n{OWN}{MODEL}"),
        (LONG, f"{STDLIB}\n{LONG}{EMAIL}\n{OWN}"),
        (MODEL, f"{STDLIB}\n{EMAIL}\n{OWN}{MODEL}"),
        ('"""Mails."""', f'"""Mails."""\n\n{ALL}'),
        (MODEL.rstrip(), f"{STDLIB}\n{EMAIL}\n{OWN}{MODEL}"),
        (LICENCE, f"{LICENCE}\n{ALL}"),
        (f"{LICENCE}\nx = 1\n", f"{LICENCE}\n{ALL}\nx = 1\n"),
        ("# of x\nx = 1\n", f"{ALL}\n# of x\nx = 1\n"),
        (STAR, f"{STDLIB}\n{EMAIL}\n{STAR}{OWN}"),
        (TWO, f"{STDLIB}\n{EMAIL}\n{TWO}{OWN}"),
        (OTHERS, f"from typing import Any, Iterable\n\n{EMAIL}\nfrom .own import OrderAction\n"),
    ],
)
def test_imports_are_added_where_they_belong(before, after):
    assert with_imports(before, NEEDED, module="shop.emails") == after
    assert with_imports(after, NEEDED, module="shop.emails") == after


def test_names_of_a_module():
    source = "import a.b\nfrom c import d as e\nx = 1\nclass C: y = 2\ndef f(): z = 3\n"
    assert names_in(source) == {"a", "e", "x", "C", "f"}
    source = "if x:\n  class A: pass\nelse:\n  try: import b\n  except ImportError: c = 1\ndef f(): d = 1\n"
    assert names_in(source) == {"A", "b", "c", "f"}


def test_where_an_engine_does_not_look_into_apps_its_own_folder_is_taken(settings, tmp_path):
    config = apps.get_app_config("inspections")
    assert template_folder(config, "django") == Path(config.path) / "templates"
    (tmp_path / "notifyaudit").mkdir()
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path], "APP_DIRS": False}]
    with pytest.raises(
        CommandError, match=r"does not find 'notifyaudit/email.html'.* Set its APP_DIRS to True"
    ):
        template_folder(config, "django")
    (tmp_path / "notifyaudit" / "email.html").write_text("x")
    settings.TEMPLATES = list(settings.TEMPLATES)  # so that nobody remembers what was not there
    assert template_folder(config, "django") == tmp_path
    with pytest.raises(CommandError, match="no engine for jinja2"):
        template_folder(config, "jinja2")


def test_an_action_that_is_not_the_only_one_has_to_be_said():
    assert plan("inspections", "ReportDownloaded", action=None, engine=None).module.name == "emails.py"
    with pytest.raises(CommandError, match=r"--action inspection\.scheduled \| .*photo\.added"):
        plan("inspections", "SomethingElse", action=None, engine=None)


def test_a_long_label_leaves_room_for_a_name_in_the_subject():
    long = Words(
        name="LongEmail",
        snake="long",
        module="shop.emails",
        title=f"Filed {'and so on ' * 10}",
        action='"document.filed"',
        action_import=None,
        model_import=None,
        sample="",
        html="shop/long.html",
        text="shop/long.txt",
        is_jinja=False,
    )
    (subject,) = [line for line in long.class_source().splitlines() if "subject = " in line]
    assert len(subject.partition('"')[2]) <= len('"') + 50
    assert subject.endswith('…"')
    assert 'assert_subject("Filed and so on' in long.test_source("", style="pytest")


def test_a_name_that_the_class_itself_imports_is_refused():
    with pytest.raises(CommandError, match="AuditEmail is imported by the class itself"):
        plan("inspections", "Audit", action="inspection.scheduled", engine=None)


def test_an_app_that_no_import_can_name_is_refused(monkeypatch):
    config = apps.get_app_config("inspections")
    monkeypatch.setattr(config, "name", "my-shop.inspections")
    with pytest.raises(CommandError, match="No import statement can name the app 'my-shop"):
        plan("inspections", "Scheduled", action="inspection.scheduled", engine=None)


@pytest.fixture
def testapp(tmp_path, monkeypatch):
    """The folder that is taken for testapp's own."""
    _forget_templates()
    with monkeypatch.context() as patch:
        patch.setattr(apps.get_app_config("testapp"), "path", str(tmp_path))
        yield tmp_path
    _forget_templates()


def _forget_templates():
    # Django remembers where the apps have theirs, and which were not there.
    get_app_template_dirs.cache_clear()
    engines.__dict__.pop("templates", None)
    engines._engines = {}


def test_the_line_ends_of_a_module_stay(testapp):
    (testapp / "emails.py").write_bytes(b'"""Mails."""\r\n\r\nx = 1\r\n')
    planned = plan("testapp", "Surprise", action="document.filed", engine=None)
    write(planned)
    written = (testapp / "emails.py").read_bytes()
    assert written.count(b"\r\n") == written.count(b"\n") > 10
    assert b"\r\r" not in written
    assert b"\r\n\r\nx = 1\r\n" in written


@pytest.mark.parametrize("content", [b"class:", b"# \xe4\nx = 1\n"])
def test_a_module_that_cannot_be_read_is_left_alone(testapp, content):
    (testapp / "emails.py").write_bytes(content)
    with pytest.raises(CommandError, match=r"emails\.py is no Python"):
        plan("testapp", "Surprise", action="document.filed", engine=None)
    assert (testapp / "emails.py").read_bytes() == content


def test_what_cannot_be_written_is_said_in_a_line(testapp):
    (testapp / "templates").write_text("in the way")
    with pytest.raises(CommandError, match=r"^Nothing was written: .*templates"):
        call_command("startemail", "testapp", "Surprise", action="document.filed")


def test_what_is_there_already_is_named():
    with pytest.raises(CommandError, match=r"there is already InspectionEditedEmail in \S+emails\.py"):
        plan("inspections", "InspectionEdited", action="inspection.edited", engine=None)
    with pytest.raises(CommandError, match=r"there is already a template 'inspections/scheduled\.html'"):
        plan("inspections", "Scheduled", action="inspection.scheduled", engine=None)


def test_where_one_file_cannot_be_written_none_is(tmp_path):
    (tmp_path / "emails.py").write_text("before")
    (tmp_path / "b.txt").write_text("in the way")
    new = {tmp_path / "deep" / "a.html": "a", tmp_path / "b.txt": "b"}
    planned = Plan(new=new, module=tmp_path / "emails.py", module_source="after", test=tmp_path / "b.txt")
    with pytest.raises(FileExistsError):
        write(planned)
    assert not (tmp_path / "deep" / "a.html").exists()
    assert [(tmp_path / name).read_text() for name in ("emails.py", "b.txt")] == ["before", "in the way"]
