"""A short run of the fault injection on each database; ``make faults`` runs a long one."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from example_site.processes import ROOT, Process
from tests.acceptance.browser import missing
from tests.acceptance.faults.__main__ import UNAVAILABLE

SECONDS = 300
DATABASES = ["sqlite", "postgres", "mariadb"]


OPTIONS = {
    "mails": "--kills 20 --mails 400 --lease 4",
    "digests": "--digests 40 --kills 10 --mails 300 --lease 4",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Process]]:
    """Both runs on each database, all at the same time: mostly they wait for leases to end."""
    started = {
        (what, database): start(database, options, tmp_path_factory.mktemp(f"{what}-{database}"))
        for what, options in OPTIONS.items()
        for database in DATABASES
    }
    yield started
    for process in started.values():
        process.stop()


def start(database: str, options: str, directory: Path) -> Process:
    command = [
        sys.executable,
        "-m",
        "tests.acceptance.faults",
        *("--database", database),
        *options.split(),
        *("--directory", str(directory / "run")),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return Process(f"run on {database}", command, log=directory / "output.log", environment=environment)


@pytest.mark.parametrize("database", DATABASES)
def test_nothing_is_lost_and_each_repeated_mail_is_known_whatever_is_killed_when(database, runs):
    check(runs["mails", database])


@pytest.mark.parametrize("database", DATABASES)
def test_each_event_is_in_exactly_one_digest_whatever_is_killed_while_they_close(database, runs):
    check(runs["digests", database])


def check(run: Process) -> None:
    status = run.wait(SECONDS)
    if status == UNAVAILABLE:
        missing(run.output.strip())
    assert status == 0, run.output
