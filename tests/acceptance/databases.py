"""A fresh database for each test, cloned from one that is migrated and loaded once per module."""

import os
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest

HOST, PORT = os.environ.get("PGHOST", "127.0.0.1"), os.environ.get("PGPORT", "5432")
SERVER = f"postgresql://{os.environ.get('PGUSER', 'postgres')}@{HOST}:{PORT}"


class Database(ABC):
    """One database, read behind Django's back: what another process has committed."""

    url: str

    @abstractmethod
    def rows(self, sql: str) -> list[tuple[Any, ...]]: ...

    @abstractmethod
    def clone(self, directory: Path) -> "Database": ...

    @abstractmethod
    def drop(self) -> None: ...

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])


class Sqlite(Database):
    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{quote(str(path))}"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path, timeout=60)) as connection:
            return connection.execute(sql).fetchall()

    def clone(self, directory: Path) -> "Sqlite":
        # Nobody has the original open any more, so its write-ahead log is folded in.
        return Sqlite(Path(shutil.copy(self.path, directory / "site.sqlite3")))

    def drop(self) -> None:
        self.path.unlink()


class Postgres(Database):
    def __init__(self, *, template: str = "template1") -> None:
        self.name = f"notifyaudit_{uuid4().hex}"
        self.url = f"{SERVER}/{self.name}"
        _run_on_server(f'CREATE DATABASE "{self.name}" TEMPLATE "{template}"')

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql).fetchall()

    def clone(self, directory: Path) -> "Postgres":
        del directory
        return Postgres(template=self.name)

    def drop(self) -> None:
        # A killed worker's connection may linger for a moment.
        _run_on_server(f'DROP DATABASE "{self.name}" WITH (FORCE)')


@contextmanager
def fresh(kind: str, directory: Path) -> Iterator[Database]:
    """An empty database, dropped at the end."""
    if kind == "postgresql":
        _require_server()
        database: Database = Postgres()
    else:
        database = Sqlite(directory / "site.sqlite3")
    try:
        yield database
    finally:
        database.drop()


def _require_server() -> None:
    try:
        _run_on_server("SELECT 1")
    except psycopg.OperationalError as error:
        reason = f"PostgreSQL does not answer on {HOST}:{PORT}: {str(error).splitlines()[0]}"
        if os.environ.get("NOTIFYAUDIT_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def _run_on_server(sql: str) -> None:
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql)
