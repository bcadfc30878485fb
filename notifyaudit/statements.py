"""
Which tables and columns an SQL statement writes. Pure: text in, values out.

It reads what Django sends to SQLite, PostgreSQL and MariaDB, and what people write by hand; it is no SQL
parser. A statement of the plain form, which is nearly all, is recognised by its first words alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_NAME = r"""(?:"(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\]|[\w$]+)"""
_TABLE = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_WORDS = r"(?:\s+(?:OR|ABORT|FAIL|IGNORE|REPLACE|ROLLBACK|LOW_PRIORITY|DELAYED|HIGH_PRIORITY|QUICK|ONLY))*"
_FLAGS = re.IGNORECASE | re.DOTALL

_HEAD = re.compile(
    rf"(?:(?P<insert>INSERT|REPLACE|MERGE){_WORDS}\s+INTO|(?P<update>UPDATE){_WORDS}"
    rf"|(?P<delete>DELETE){_WORDS}(?:\s+{_TABLE})?\s+FROM(?:\s+ONLY)?)\b\s*(?P<table>{_TABLE})",
    _FLAGS,
)
_TOKEN = re.compile(rf"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|(?P<name>{_TABLE})|(?P<mark>[(),;=])", _FLAGS)
_BLANK = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*", re.DOTALL)
_SAVEPOINT = re.compile(
    r"(?P<begin>SAVEPOINT)\s+(?P<begun>\S+)|(?:RELEASE\s+(?:SAVEPOINT\s+)?)(?P<released>\S+)"
    r"|ROLLBACK\s+(?:WORK\s+|TRANSACTION\s+)?TO\s+(?:SAVEPOINT\s+)?(?P<undone>\S+)",
    re.IGNORECASE,
)
# What stands before an UPDATE that is no statement: SELECT … FOR UPDATE, ON CONFLICT DO UPDATE,
# ON DUPLICATE KEY UPDATE, and actions of foreign keys.
_NO_STATEMENT_AFTER = {"for", "do", "key", "on"}


@dataclass(frozen=True, slots=True)
class Written:
    """
    A table that a statement writes, named as the registry does: lower case, without schema and quotes.

    Args:
        operation: ``"insert"``, ``"update"`` or ``"delete"``.
        table: the table's name.
        sql: the statement.
        end: where in it the part that names the table ends.
    """

    operation: str
    table: str
    sql: str
    end: int

    def columns(self) -> frozenset[str]:
        """What an update sets. Only on demand: the SET of a bulk_update() can be long."""
        return frozenset(_columns(self.sql, self.end) if self.operation == "update" else ())


@dataclass(frozen=True, slots=True)
class Savepoint:
    """``operation`` is ``"begin"``, ``"release"`` or ``"undo"``."""

    operation: str
    name: str


def as_text(sql: Any) -> str:
    """A statement as it was given to ``cursor.execute()``: also bytes, and what ``psycopg.sql`` composes."""
    if isinstance(sql, bytes):
        return sql.decode(errors="replace")
    return sql if isinstance(sql, str) else str(sql.as_string(None))


def bare(name: str) -> str:
    """``'"Public"."Shop_Order"'`` → ``"shop_order"``."""
    return re.split(r"[.\"`\[\]\s]+", name.strip('"`[] '))[-1].lower()


def quoted(name: str) -> str:
    """``shop_order`` → ``"shop_order"``, as PostgreSQL takes any name."""
    return '"{}"'.format(name.replace('"', '""'))


def savepoint(sql: str) -> Savepoint | None:
    """What the statement does to a savepoint; ``None`` when it is about something else."""
    found = _SAVEPOINT.match(sql)
    if not found:
        return None
    begun, released, undone = found["begun"], found["released"], found["undone"]
    operation = "begin" if begun else "release" if released else "undo"
    return Savepoint(operation, bare((begun or released or undone).rstrip(";")))


def writes(sql: str) -> Iterator[Written]:
    """Each table that the statement writes, in the order in which the statement names them."""
    blank = _BLANK.match(sql)
    start = blank.end() if blank else 0
    head = _HEAD.match(sql, start)
    if head and ";" not in sql:
        yield _written(sql, head)
    elif head or sql[start : start + 4].upper() == "WITH":
        previous = ""
        for token in _TOKEN.finditer(sql, start):
            word = (token["name"] or "").lower()
            if word in {"insert", "replace", "update", "delete"} and previous not in _NO_STATEMENT_AFTER:
                found = _HEAD.match(sql, token.start())
                if found:
                    yield _written(sql, found)
            previous = word


def _written(sql: str, head: re.Match[str]) -> Written:
    operation = "insert" if head["insert"] else "update" if head["update"] else "delete"
    return Written(operation, bare(head["table"]), sql, head.end())


def _columns(sql: str, start: int) -> Iterator[str]:
    """
    The names on the left of each ``=`` of a SET clause: what stands alone between SET, or a comma outside of
    brackets, and an ``=``; in brackets there may be several.
    """
    depth, in_set, names = 0, False, list[str]()
    expected = False
    for token in _TOKEN.finditer(sql, start):
        name, mark = (token["name"] or "").lower(), token["mark"]
        depth += {"(": 1, ")": -1}.get(mark, 0)
        if depth < 0 or mark == ";":  # the end of a part of a WITH, or of the statement
            return
        if not in_set:
            in_set = expected = name == "set"
        elif depth == 0 and name in {"where", "returning"}:
            return
        elif depth == 0 and mark == ",":
            expected, names = True, []
        elif depth == 0 and mark == "=" and expected:
            yield from names
            expected = False
        elif name and expected:
            names.append(bare(name))
            expected = depth > 0 or len(names) == 1
