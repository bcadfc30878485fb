"""A project with the settings of the pages on queues, and nothing else, starts and is not warned."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.acceptance.test_queues import CELERY, RQ
from tests.docs.pages import DOCS, ROOT, blocks

PAGES = [DOCS / "how-to" / name for name in ("choose-a-queue.md", "use-rq.md", "use-celery.md")]
PAGE = [block for page in PAGES for block in blocks(page)]
WITH_TASKS = [block for block in PAGE if block.file == "settings.py" and "TASKS = {" in block.code]
BACKENDS = ("django_tasks_db", "django_tasks_rq", "django_tasks_celery")

BASE = """
from tests.settings import *
INSTALLED_APPS.remove("django_tasks_db")
"""

LOOK = """
import django
django.setup()
from django.core.checks import run_checks
from notifyaudit.tasks import wake_up
print(type(wake_up.get_backend()).__module__)
print([message for message in run_checks() if message.id and message.id.startswith("notifyaudit")])
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_settings_of_a_queue_work(backend, tmp_path):
    if not find_spec(backend):
        pytest.skip(f"{backend} is not installed")
    (settings,) = (block.code for block in WITH_TASKS if f'"{backend}.' in block.code)
    (application,) = (block.code for block in PAGE if block.file == "mysite/celery.py")
    site = tmp_path / "mysite"
    site.mkdir()
    (site / "__init__.py").touch()
    (site / "celery.py").write_text(application)
    (site / "settings.py").write_text(f"{BASE}\n{settings}")
    ours = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "DJANGO_SETTINGS_MODULE": "mysite.settings"}
    command = [sys.executable, "-c", LOOK]
    done = subprocess.run(
        command, env=os.environ | ours, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    module, messages = done.stdout.splitlines()
    assert module.startswith(backend)
    assert messages == "[]"


def test_every_queue_with_settings_on_a_page_is_tested():
    assert len(WITH_TASKS) == len(BACKENDS)


def test_the_acceptance_tests_start_workers_as_the_pages_say():
    lines = {
        line.removeprefix("$ ")
        for block in PAGE
        if block.language == "console"
        for line in block.code.splitlines()
    }
    assert f"python manage.py {' '.join(RQ.worker[2:])}" in lines
    celery = " ".join(CELERY.worker[2:8]).replace("tests.acceptance.celery_app", "mysite")
    assert celery in lines
