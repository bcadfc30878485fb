"""
What each source sees of what can be done to rows, tried on the packages' own machinery.

``python -m tests.sources.matrix`` prints it; with ``--write`` it goes into docs/reference/sources.md.
Columns that another database is needed for are left as they are there: PostgreSQL has all of them.
"""

import os
import platform
import re
import sys
from decimal import Decimal, InvalidOperation
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from textwrap import TextWrapper

import django

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "sources.md"
PROSE = TextWrapper(width=125, break_on_hyphens=False)
NOTE = TextWrapper(width=125, break_on_hyphens=False, subsequent_indent="   ")
BEGIN, END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
COMMAND = "NOTIFYAUDIT_TEST_DB=postgres python -m tests.sources.matrix --write"

# From Django 6.0 on save() reads the result of an expression back, with the UPDATE where the database has
# RETURNING. Otherwise the package meets the expression.
_EXPRESSION = "`save()` with an `F()` expression"
BEFORE_DJANGO_6 = {
    ("simple_history", _EXPRESSION): "raises",
    ("reversion", _EXPRESSION): "no",
    ("field_history", _EXPRESSION): "raises",
    ("lifecycle", _EXPRESSION): "in part",
}
WITHOUT_RETURNING = {("field_history", _EXPRESSION): "raises", ("lifecycle", _EXPRESSION): "no"}

LEGEND = (
    "“yes”: seen, in the transaction of the change, with old and new values. “apart”: seen, but in a "
    "transaction of its own. “in part”: without all values. “no”: it escapes. “–”: nothing happened, and "
    "nothing is told. “phantom”: nothing happened, and something is told."
)


def try_out(column, operation):
    """One cell: does the operation on new objects and looks at the events."""
    from django.db import transaction

    from notifyaudit.models import AuditEvent
    from tests.sources.operations import prepare

    if operation.needs and not getattr(column, operation.needs):
        return ""
    objects = prepare(column, operation.objects)
    column.settle()
    targets = [column.model(pk=each.pk) for each in objects]
    latest = AuditEvent.objects.order_by("pk").last()
    try:
        if operation.atomic:
            with transaction.atomic(), column.around():
                targets = operation.run(column, objects) or targets
        else:
            operation.run(column, objects)
    except Exception as error:  # noqa: BLE001 - whatever the package raises is the cell
        print(f"{column.source}, {operation.title}: {error!r}", file=sys.stderr)
        return "raises"
    column.settle()
    found = list(AuditEvent.objects.filter(source=column.source, pk__gt=latest.pk if latest else 0))
    word = "yes" if operation.atomic or _is_together(column, operation) else "apart"
    return _judged(operation, targets, found, word)


def _is_together(column, operation):
    """Whether the event of a change in autocommit is recorded in the transaction of the change."""
    from django.conf import settings
    from django.test import override_settings

    from notifyaudit.exceptions import NotInTransaction
    from tests.sources.operations import prepare

    with override_settings(NOTIFYAUDIT={**settings.NOTIFYAUDIT, "REQUIRE_ATOMIC": True}):
        others = prepare(column, operation.objects)
        try:
            operation.run(column, others)
        except NotInTransaction:
            return False
    return True


def _judged(operation, targets, events, word):
    from tests.sources.columns import KINDS

    if operation.kind is None:
        return "phantom" if events else "–"
    told = {
        str(target.pk): [event for event in events if event.target_id == str(target.pk)] for target in targets
    }
    seen = [
        any(KINDS[event.action] == operation.kind for event in events_of_it) for events_of_it in told.values()
    ]
    if not any(seen):
        return "no"
    whole = operation.kind != "updated" or all(_tells(operation, each) for each in told.values())
    return word if all(seen) and whole else "in part"


def _tells(operation, events):
    for event in events:
        sides = event.changes.get(operation.field)
        if sides and (operation.field == "tags" or [*map(_number, sides)] == [operation.old, operation.new]):
            return True
    return False


def _number(side):
    try:
        return Decimal(str(side))
    except InvalidOperation:
        return side


def columns(database):
    from tests.sources.columns import COLUMNS

    return [column for column in COLUMNS if database in column.databases]


def expected(database):
    """What this run must agree with: the page's cells, save what Django's version or MariaDB changes."""
    mine = {column.source for column in columns(database)}
    cells = {key: cell for key, cell in read().items() if key[0] in mine}
    if django.VERSION < (6, 0):
        return cells | BEFORE_DJANGO_6
    return cells | WITHOUT_RETURNING if database == "mariadb" else cells


def run(database):
    """All cells of this database: ``{(source, title): cell}``."""
    from tests.sources.operations import OPERATIONS

    return {
        (column.source, operation.title): try_out(column, operation)
        for column in columns(database)
        for operation in OPERATIONS
    }


def read():
    """The cells that the page has."""
    from tests.sources.columns import COLUMNS

    sources = {column.title: column.source for column in COLUMNS}
    rows = [line.strip("|").split("|") for line in section().splitlines() if line.startswith("|")]
    if not rows:
        return {}
    head, _, *body = [[cell.strip() for cell in row] for row in rows]
    return {
        (sources[title], row[0]): cell.partition(" (")[0]
        for row in body
        for title, cell in zip(head[1:], row[1:], strict=True)
        if title in sources
    }


def render(cells):
    """The section of the page."""
    from tests.sources.columns import COLUMNS
    from tests.sources.operations import OPERATIONS

    notes = list(dict.fromkeys(chain.from_iterable(column.notes.values() for column in COLUMNS)))
    lines = ["| |" + "".join(f" {column.title} |" for column in COLUMNS), "|---" * (len(COLUMNS) + 1) + "|"]
    for operation in OPERATIONS:
        row = [operation.title]
        for column in COLUMNS:
            note = column.notes.get(operation.title)
            mark = f" ({notes.index(note) + 1})" if note else ""
            row.append(f"{cells.get((column.source, operation.title), '?')}{mark}")
        lines.append("| " + " | ".join(row) + " |")
    packages = sorted({package for column in COLUMNS for package in column.packages})
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    run_with = f"Django {django.get_version()} and Python {platform.python_version()}"
    numbered = "\n".join(NOTE.fill(f"{number}. {note}") for number, note in enumerate(notes, 1))
    return "\n\n".join(
        [
            BEGIN,
            PROSE.fill(LEGEND),
            "\n".join(lines),
            *([numbered] if numbered else []),
            PROSE.fill(f"Run with {versions} on {run_with}."),
            f"Written by `{COMMAND}`.",
            END,
        ]
    )


def section():
    """What the page has between the marks."""
    text = PAGE.read_text()
    return text[text.index(BEGIN) : text.index(END) + len(END)]


def without_versions(text):
    return re.sub(r"^Run with .*?\n\n", "", text, flags=re.MULTILINE | re.DOTALL)


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.sources.settings")
    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test.utils import setup_test_environment

    from notifyaudit import waking

    setup_test_environment()
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0)
    try:
        with waking.wake_ups_suspended():
            cells = read() | run(settings.DATABASE)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
    if "--write" in sys.argv:
        PAGE.write_text(PAGE.read_text().replace(section(), render(cells)))
    else:
        print(render(cells))


if __name__ == "__main__":
    main()
