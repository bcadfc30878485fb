"""Behind a pooler in transaction mode: the whole pipeline, and no state of a session that it leans on."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from example_site.processes import Processes
from tests.acceptance.databases import Database
from tests.acceptance.example import SECONDS, Example
from tests.acceptance.pooler import pgbouncer
from tests.docs.pages import DOCS, blocks

SETTINGS = "tests.acceptance.pooled_settings"

AT_ONCE, DAILY, WEEKLY = 10, 20, 570  # more than are written in one transaction

_SENT = re.compile(r'.*?\tF\t\d+\t(?P<kind>Query|Parse)\t (?:"(?P<name>\w*)" )?"(?P<sql>.*)', re.DOTALL)
_MESSAGE = re.compile(r"^\d{4}-\d\d-\d\d ", re.MULTILINE)
_SESSION = re.compile(
    r"^\s*(?:SET (?!LOCAL )|LISTEN|UNLISTEN|PREPARE|DECLARE|CREATE (?:GLOBAL |LOCAL )?TEMP|LOAD|DISCARD)"
    r"|\bpg_(?:try_)?advisory_(?!xact)(?:lock|unlock)"
    # PgBouncer itself keeps the time zone of each client, which Django sets so.
    r"|\bset_config\((?!'TimeZone')(?:[^)]*), *false\)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Pooled:
    example: Example
    url: str
    traces: Path

    def sent(self) -> list[tuple[str, str]]:
        """What our processes have said to the database: the name of what they prepared, and the SQL."""
        traces = [path.read_text(errors="replace") for path in self.traces.iterdir()]
        messages = [_SENT.match(message) for trace in traces for message in _MESSAGE.split(trace)]
        return [(message["name"] or "", message["sql"]) for message in messages if message]


@pytest.fixture
def pooled(databases: Callable[[str], Database], tmp_path: Path) -> Iterator[Pooled]:
    database = databases("postgresql").clone(tmp_path)
    traces = tmp_path / "traces"
    traces.mkdir()
    try:
        with pgbouncer() as port:
            direct = urlsplit(database.url)
            url = urlunsplit(direct._replace(netloc=f"{direct.username}@127.0.0.1:{port}"))
            with Processes(tmp_path, database_url=url, settings=SETTINGS) as processes:
                processes.environment |= {"TRACES": str(traces)}
                yield Pooled(Example(processes, database), url, traces)
    finally:
        database.drop()


PEOPLE = f"""
from django.contrib.auth.models import Group
from notifyaudit import Frequency, subscribe

numbers = {{Frequency.IMMEDIATE: {AT_ONCE}, Frequency.DAILY: {DAILY}, Frequency.WEEKLY: {WEEKLY}}}
for frequency, number in numbers.items():
    group = Group.objects.create(name=frequency)
    names = [f"{{frequency}}{{position}}" for position in range(number)]
    made = User.objects.bulk_create([User(username=name, email=f"{{name}}@x.example") for name in names])
    group.user_set.add(*made)
    subscribe(group, InspectionAction.EDITED, frequency=frequency)
"""

EDITS = """
edit(fire_safety, "Doors checked.", by=user["admin"])
try:
    with transaction.atomic():
        edit(fire_safety, "Rolled back.", by=user["admin"])
        raise LookupError
except LookupError:
    pass
with transaction.atomic():
    edit(fire_safety, "Lifts checked.", by=user["admin"])
    try:
        with transaction.atomic():
            edit(fire_safety, "Rolled back to the savepoint.", by=user["admin"])
            raise LookupError
    except LookupError:
        pass
"""


def test_the_whole_pipeline_behind_a_pooler(pooled: Pooled) -> None:
    example = pooled.example
    sweeps = [example.processes.start_command("notifyaudit", "sweep", "--loop", "0.1") for _ in range(2)]
    worker = example.processes.start_worker()

    example.run_script(PEOPLE + EDITS)

    named = 2  # whom the class of edited inspections tells itself
    at_once = 2 * (AT_ONCE + named)

    def reach(status: str, number: int) -> None:
        what = f"{number} mails are {status}"
        example.processes.wait_for(lambda: example.statuses()[status] == number, what=what, seconds=SECONDS)

    reach("sent", at_once)
    reach("open", DAILY + WEEKLY)
    # Nobody waits for tomorrow: the clock of the digests is turned on by hand.
    with psycopg.connect(pooled.url) as connection:
        connection.execute(
            "UPDATE notifyaudit_message SET due_at = now() - interval '1 minute' WHERE frequency = 'daily'"
        )
    reach("sent", at_once + DAILY)
    for each in (*sweeps, worker):
        each.stop()
    example.sweep()

    assert example.statuses() == {"sent": at_once + DAILY, "open": WEEKLY}
    told = example.database.rows("SELECT count(*) FROM notifyaudit_notification WHERE skip_reason = ''")
    assert told == [(2 * (AT_ONCE + DAILY + WEEKLY + named),)]
    assert len(example.events()) == 2
    assert len(example.mails_by_id()) == len(example.inbox.mails()) == at_once + DAILY
    assert Counter(Counter(example.inbox.counts()).values()) == {2: AT_ONCE + named, 1: DAILY}

    sent = pooled.sent()
    assert len(sent) > 300
    assert sum("notifyaudit_message" in sql for _, sql in sent) > 50
    assert [sql for _, sql in sent if _SESSION.search(sql)] == []
    assert {name for name, _ in sent} == {""}, "a prepared statement outlives its transaction"


def test_this_pooler_forgets_what_a_session_is_told(pooled: Pooled) -> None:
    """Else the test above would pass with session state as well."""
    with psycopg.connect(pooled.url, autocommit=True) as connection:
        connection.execute("SET statement_timeout = '7s'")
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
        # As QuerySet.iterator() holds it, unless DISABLE_SERVER_SIDE_CURSORS is set.
        with (
            pytest.raises(psycopg.errors.InvalidCursorName),
            connection.cursor("kept", withhold=True) as cursor,
        ):
            cursor.execute("SELECT generate_series(1, 10)")


def test_the_configuration_of_the_page_works() -> None:
    (page,) = [block.code for block in blocks(DOCS / "how-to" / "databases.md") if block.language == "ini"]
    for there, here in (
        ("site = host=10.0.0.5 port=5432", "postgres = host={host} port={port}"),
        ("listen_port = 6432", "listen_port = {listen_port}"),
        ("/etc/pgbouncer/userlist.txt", "{users}"),
    ):
        assert there in page
        page = page.replace(there, here)
    with pgbouncer(page, password="secret") as port:
        user = os.environ.get("PGUSER", "postgres")
        with psycopg.connect(f"postgresql://{user}:secret@127.0.0.1:{port}/postgres") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgresql://{user}:wrong@127.0.0.1:{port}/postgres")


@pytest.mark.parametrize(
    "sql",
    [
        "SET statement_timeout = '7s'",
        "LISTEN notifyaudit",
        "SELECT pg_advisory_lock(7)",
        "SELECT pg_try_advisory_lock(7)",
        "DECLARE kept CURSOR WITH HOLD FOR SELECT 1",
        "CREATE TEMPORARY TABLE kept (id int)",
        "SELECT set_config('statement_timeout', '7s', false)",
    ],
)
def test_state_of_a_session_is_recognised(sql: str) -> None:
    assert _SESSION.search(sql)


@pytest.mark.parametrize(
    "sql", ["SET LOCAL synchronous_commit TO off", "SELECT pg_advisory_xact_lock(7)", "BEGIN", "SELECT 1"]
)
def test_what_ends_with_its_transaction_is_not(sql: str) -> None:
    assert not _SESSION.search(sql)
