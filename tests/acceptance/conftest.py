"""Real processes for each test: a site, workers and a mail server, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from example_site.processes import Processes
from tests.acceptance.databases import Database, fresh
from tests.acceptance.example import Example

SETTINGS = "tests.acceptance.patient_settings"


@contextmanager
def loaded(kind: str, directory: Path) -> Iterator[Database]:
    """A database that is migrated, with the sample data; only ever cloned."""
    with fresh(kind, directory) as database:
        with Processes(directory, database_url=database.url, settings=SETTINGS) as processes:
            processes.manage("migrate", "--verbosity", "0")
            processes.manage("load_buildings")
        yield database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def loaded_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    with loaded(request.param, tmp_path_factory.mktemp("database")) as database:
        yield database


@pytest.fixture
def example(loaded_database: Database, tmp_path: Path) -> Iterator[Example]:
    """One test's own copy, with a mail server; the test starts what else it needs."""
    database = loaded_database.clone(tmp_path)
    try:
        with Processes(tmp_path, database_url=database.url, settings=SETTINGS) as processes:
            yield Example(processes, database)
    finally:
        database.drop()
