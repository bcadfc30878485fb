"""Workers that call receivers and are killed while they do: nothing is lost, and nothing is done twice."""

import json
import os
import subprocess
import sys

import pytest
from django.db import connection

from example_site.processes import ROOT
from notifyaudit.sources.calls import MOURNED

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 90


@pytest.fixture
def play(tmp_path):
    """A function that plays a scene on the database of this test, and returns what was told at its end."""

    def play(scene, *, lease):
        name = connection.settings_dict["NAME"]
        if connection.vendor == "sqlite":
            # Nobody else can open the one in memory.
            name = str(tmp_path / "ledger.sqlite3")
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [name])
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "tests.integration.crew_settings",
            "CREW_DATABASE": name,
            "CREW_LEASE": str(lease),
        }
        command = [sys.executable, "-m", "tests.integration.crew", scene, str(tmp_path)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        journal = tmp_path / "journal"
        lines = journal.read_text().splitlines() if journal.exists() else []
        return json.loads(done.stdout.splitlines()[-1]) | {"journal": lines}

    return play


def test_workers_killed_at_any_statement_lose_nothing_and_do_nothing_twice(play):
    told = play("killed_anywhere", lease=0.3)
    committed = [f"{number:02}" for number in range(20) if number not in {3, 7}]
    assert (told["tags"], told["rows"]) == (committed, [])
    assert told["killed"] >= 15
    # Outside of the transaction it happened again for who was killed after it.
    assert set(told["journal"]) == {f"stamp {int(number)}" for number in committed}


def test_what_a_killed_sender_has_committed_is_called_and_nothing_else(play):
    told = play("senders_killed", lease=0.5)
    assert (told["killed"], told["tags"], told["rows"]) == (2, ["02"], [])


def test_a_receiver_that_takes_longer_than_the_lease_runs_once(play):
    told = play("longer_than_the_lease", lease=0.2)
    assert (told["tags"], told["rows"]) == (["01", "02"], [])
    assert sorted(told["journal"]) == ["begin 1", "begin 2", "end 1", "end 2"]


def test_a_receiver_that_kills_its_workers_is_given_up_and_keeps_no_other_from_running(play):
    told = play("poisoned", lease=0.2)
    assert told["tags"] == [f"{number:02}" for number in range(5)]
    ((row),) = told["rows"]
    assert (row["status"], told["killed"]) == ("failed", MOURNED + 1)
    assert told["journal"].count("kill") == MOURNED + 1
    assert f"{MOURNED + 1} workers vanished" in row["last_error"]
