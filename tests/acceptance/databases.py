"""A fresh database for each test, cloned from one that is migrated and loaded once."""

import os
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest

try:
    import MySQLdb
except ImportError:  # built on the machine, where that is possible
    MySQLdb = None

HOST, PORT = os.environ.get("PGHOST", "127.0.0.1"), os.environ.get("PGPORT", "5432")
SERVER = f"postgresql://{os.environ.get('PGUSER', 'postgres')}@{HOST}:{PORT}"

MARIADB: dict[str, Any] = {
    "host": os.environ.get("MYSQL_HOST", "127.0.0.1"),
    "port": int(os.environ.get("MYSQL_TCP_PORT", "3306")),
    "user": os.environ.get("MYSQL_USER", "root"),
    "password": os.environ.get("MYSQL_PWD", ""),
}


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


class MariaDb(Database):
    def __init__(self) -> None:
        self.name = f"notifyaudit_{uuid4().hex}"
        login = quote(MARIADB["user"], safe="")
        if MARIADB["password"]:
            login += ":" + quote(MARIADB["password"], safe="")
        self.url = f"mysql://{login}@{MARIADB['host']}:{MARIADB['port']}/{self.name}?charset=utf8mb4"
        self._run(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4", database="")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._run(sql, database=self.name)

    def clone(self, directory: Path) -> "MariaDb":
        del directory
        copy = MariaDb()
        statements = ["SET foreign_key_checks = 0"]
        for (table,) in self.rows("SHOW TABLES"):
            ((_, definition),) = self.rows(f"SHOW CREATE TABLE `{table}`")
            statements += [definition, f"INSERT INTO `{table}` SELECT * FROM {self.name}.`{table}`"]
        self._run(*statements, database=copy.name)
        return copy

    def drop(self) -> None:
        self._run(f"DROP DATABASE {self.name}", database="")

    def _run(self, *statements: str, database: str) -> list[tuple[Any, ...]]:
        with closing(MySQLdb.connect(**MARIADB, database=database, charset="utf8mb4")) as connection:
            connection.autocommit(True)
            with closing(connection.cursor()) as cursor:
                for sql in statements:
                    cursor.execute(sql)
                return list(cursor.fetchall())


@contextmanager
def fresh(kind: str, directory: Path) -> Iterator[Database]:
    """An empty database, dropped at the end."""
    if kind == "postgresql":
        _require_server()
        database: Database = Postgres()
    elif kind == "mariadb":
        _require_mariadb()
        database = MariaDb()
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
        missing(f"PostgreSQL does not answer on {HOST}:{PORT}: {str(error).splitlines()[0]}")


def _require_mariadb() -> None:
    if MySQLdb is None:
        missing("MariaDB's driver mysqlclient is not installed")
    try:
        MySQLdb.connect(**MARIADB, connect_timeout=5).close()
    except MySQLdb.OperationalError as error:
        missing(f"MariaDB does not answer on {MARIADB['host']}:{MARIADB['port']}: {error}")


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it on a machine that promises to have every service."""
    if os.environ.get("NOTIFYAUDIT_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _run_on_server(sql: str) -> None:
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql)
