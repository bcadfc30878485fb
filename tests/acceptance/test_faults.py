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


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Process]]:
    """All at the same time: mostly they wait for leases to end."""
    started = {database: start(database, tmp_path_factory.mktemp(database)) for database in DATABASES}
    yield started
    for process in started.values():
        process.stop()


def start(database: str, directory: Path) -> Process:
    options = ["--database", database, "--kills", "30", "--mails", "500", "--lease", "4"]
    command = [
        sys.executable,
        "-m",
        "tests.acceptance.faults",
        *options,
        "--directory",
        str(directory / "run"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return Process(f"run on {database}", command, log=directory / "output.log", environment=environment)


@pytest.mark.parametrize("database", DATABASES)
def test_nothing_is_lost_and_each_repeated_mail_is_known_whatever_is_killed_when(database, runs):
    status = runs[database].wait(SECONDS)

    if status == UNAVAILABLE:
        missing(runs[database].output.strip())
    assert status == 0, runs[database].output
