"""What has the sweep run: django-crontask's scheduler, and the line for cron as a shell runs it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import django
import pytest

from example_site.processes import ROOT, Processes
from tests.acceptance.brokers import RabbitMq
from tests.acceptance.databases import Database, missing
from tests.acceptance.example import SECONDS, Example
from tests.acceptance.test_delivery import COMPLETE, COMPLETED
from tests.acceptance.test_queues import CELERY
from tests.docs.pages import DOCS, Block, blocks, pages

PAGE = list(blocks(DOCS / "how-to" / "run-the-sweep.md"))
SENT = re.compile(r"^\[[^]]+: INFO/ForkPoolWorker-\d+\] message \d+ sent$", re.MULTILINE)
UNITS = [block for page in pages() for block in blocks(page) if "/etc/systemd/system/" in block.code]


@contextmanager
def running(database: Database, directory: Path, settings: str) -> Iterator[Example]:
    copy = database.clone(directory)
    try:
        with Processes(directory, database_url=copy.url, settings=settings) as processes:
            yield Example(processes, copy)
    finally:
        copy.drop()


@pytest.mark.parametrize("queue", ["db", "immediate"])
def test_django_crontask_has_the_sweep_run(queue, databases, tmp_path):
    if django.VERSION < (6, 0):
        pytest.skip("django-crontask needs Django 6.0")
    if not find_spec("crontask"):
        missing("django-crontask is not installed")
    with running(databases("sqlite"), tmp_path, "tests.acceptance.scheduled_settings") as example:
        example.processes.environment["QUEUE"] = queue
        if queue == "db":
            example.processes.start_worker()
        scheduler = example.processes.start_command("crontask", "--no-heartbeat")
        example.run_script(COMPLETE)
        example.wait_for_mails(COMPLETED)
        scheduler.stop()
        assert "Loaded tasks from tests.acceptance.scheduled" in scheduler.output
        assert scheduler.exit_code == 0
        assert example.inbox.counts() == COMPLETED


def test_celery_beat_has_the_sweep_run_without_a_wake_up(databases, tmp_path):
    if not find_spec("celery"):
        missing("celery is not installed")
    broker = RabbitMq()
    broker.proxy.open()
    try:
        with running(databases("sqlite"), tmp_path, "tests.acceptance.beat_settings") as example:
            example.processes.environment |= {
                "BROKER_PORT": str(broker.proxy.port),
                "BROKER_NAME": broker.name,
            }
            worker = (*CELERY.worker, "--beat", "--schedule", str(tmp_path / "beat"))
            process = example.processes._start("worker", list(worker))
            example.run_script(COMPLETE)
            example.wait_for_mails(COMPLETED)
            example.processes.wait_for(
                lambda: len(SENT.findall(process.output)) == COMPLETED.total(),
                what="each is logged as use-celery.md has it",
                seconds=SECONDS,
            )
            assert example.tasks() == 0
    finally:
        broker.proxy.close()
        broker.remove()


def test_the_line_for_cron_sends_what_is_due(databases, tmp_path):
    (line,) = [block.code for block in PAGE if block.language == "text"]
    assert line.startswith("* * * * * ")
    command = as_here(line.removeprefix("* * * * * "))
    with running(databases("sqlite"), tmp_path, "tests.acceptance.patient_settings") as example:
        example.run_script(COMPLETE)
        environment = {
            name: example.processes.environment[name]
            for name in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "SMTP_HOST", "SMTP_PORT", "PYTHONPATH")
        }
        # As cron does it: by sh, with next to nothing in its environment.
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            env={"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), **environment},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert example.inbox.counts() == COMPLETED


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    units = [write_unit(block, tmp_path) for block in UNITS if block.language == "ini"]
    assert len(units) == len({unit.name for unit in units}) == 5
    done = subprocess.run(
        [program, "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def write_unit(block: Block, directory: Path) -> Path:
    name = re.match(r"# /etc/systemd/system/(\S+)\n", block.code)[1]
    unit = directory / name
    unit.write_text(as_here(block.code), encoding="utf-8")
    return unit


def as_here(text: str) -> str:
    """The same, for the example on this machine."""
    for there, here in (
        ("/srv/site/.venv/bin/python", shlex.quote(sys.executable)),
        (".venv/bin/python", shlex.quote(sys.executable)),
        ("/srv/site", str(ROOT)),
        ("manage.py", "example_site/manage.py"),
    ):
        text = text.replace(there, here)
    return text
