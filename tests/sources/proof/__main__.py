"""
Writers, and consumers that are killed, on PostgreSQL: what was committed is recorded, once.

    python -m tests.sources.proof --writers 8 --changes 5000
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCES = {"pghistory": "Evented", "tables": "Audited"}


@dataclass
class Verdict:
    """Of one source: how many changes were committed and rolled back, and what the ledger made of them."""

    committed: int
    rolled_back: int
    lost: int
    phantom: int
    duplicate: int
    wrong_actor: int
    out_of_order: int

    def __bool__(self):
        return not (self.lost or self.phantom or self.duplicate or self.wrong_actor or self.out_of_order)

    def __str__(self):
        return ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in vars(self).items())


@dataclass
class Outcome:
    kills: int
    in_the_middle: int
    seconds: float
    verdicts: dict = field(default_factory=dict)

    def __bool__(self):
        return all(self.verdicts.values())


class Consumer:
    """``manage.py notifyaudit sweep --loop``, which is killed and begins anew."""

    def __init__(self, name, environment):
        self.name = name
        self.environment = environment | {"PROOF_NAME": name}
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "django", "notifyaudit", "sweep", "--loop", "0.05"],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )

    def kill(self):
        self.process.kill()
        self.process.wait()


def prove(*, writers, changes, consumers=2, kills=None, seed=0):
    """
    Run it in a database of its own.

    Args:
        changes: committed to each of the two tables, at least.
        kills: at most so many; ``None``: until all is taken up.
    """
    os.environ["PROOF_RUN"] = str(os.getpid())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.sources.proof.settings")
    import django

    django.setup()
    from django.db import connection

    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        return _run(name, writers, changes, consumers, kills, random.Random(seed), seed)
    finally:
        connection.close()
        # By force: the connection of a consumer that was killed, or a pooler's, may linger.
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _run(database, writers, changes, consumers, at_most, chance, seed):
    from notifyaudit import tasks
    from notifyaudit.models import Sighting

    environment = os.environ | {
        "PROOF_DATABASE": database,
        "DJANGO_SETTINGS_MODULE": "tests.sources.proof.settings",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))),
    }
    began, kills = time.monotonic(), Counter()
    with ExitStack() as stack:
        crew = [Consumer(f"consumer {number}", environment) for number in range(consumers)]
        for consumer in crew:
            stack.callback(consumer.kill)
        share = -(-changes // writers)
        hands = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.sources.proof.writer", str(number), str(share), str(seed)],
                env=environment,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(writers)
        ]
        while any(hand.poll() is None for hand in hands) or Sighting.objects.exists():
            if at_most is not None and kills.total() >= at_most:
                time.sleep(0.1)
                continue
            victim, in_the_middle = _victim(crew, chance)
            victim.kill()
            kills[in_the_middle] += 1
            victim.start()
    rolled_back = Counter()
    for hand in hands:
        said, _ = hand.communicate()
        if hand.returncode:
            raise AssertionError(f"a writer ended with {hand.returncode}")
        for source, number in zip(SOURCES, said.split(), strict=True):
            rolled_back[source] += int(number)
    tasks.sweep()
    outcome = Outcome(kills.total(), kills[True], time.monotonic() - began)
    for source, model in SOURCES.items():
        outcome.verdicts[source] = judge(source, model, rolled_back[source])
    return outcome


def _victim(crew, chance):
    """
    After a while, a consumer that is in the middle of taking something up, for which it holds a lock; if none
    is for another while, any of them. And which of the two it was.
    """
    # Some portions come to their end, or nobody's would.
    time.sleep(chance.uniform(0.5, 3))
    patience = time.monotonic() + 1
    while time.monotonic() < patience:
        if _busy():
            time.sleep(chance.uniform(0, 0.3))
        if busy := _busy():
            return next(consumer for consumer in crew if consumer.name == busy), True
        time.sleep(0.002)
    return chance.choice(crew), False


def _busy():
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND datname = current_database()"
        )
        row = cursor.fetchone()
    return row[0] if row else None


def judge(source, model, rolled_back):
    """Compare the writers' notes with the events."""
    from notifyaudit.models import AuditEvent
    from tests.sources.proof.deeds.models import Note

    noted = {
        (note.kind, note.thing, note.stamp if note.kind != "deleted" else ""): note.actor
        for note in Note.objects.filter(model=model)
    }
    assert len(noted) == Note.objects.filter(model=model).count(), "the notes themselves must be distinct"
    events = list(AuditEvent.objects.filter(source=source).order_by("pk"))
    found = Counter(map(_key, events))
    last, out_of_order = {}, 0
    for event in events:
        old, new = event.changes.get("stamp", (None, None))
        if event.action == "deed.updated":
            out_of_order += last.get(event.target_id) != old
        last[event.target_id] = new
    return Verdict(
        committed=len(noted),
        rolled_back=rolled_back,
        lost=len(noted.keys() - found.keys()),
        phantom=len(found.keys() - noted.keys()),
        duplicate=sum(number - 1 for number in found.values()),
        wrong_actor=sum(noted.get(_key(event)) not in (event.actor_repr, None) for event in events),
        out_of_order=out_of_order,
    )


def _key(event):
    kind = event.action.removeprefix("deed.")
    return kind, int(event.target_id), event.changes.get("stamp", (None, ""))[1] if kind != "deleted" else ""


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.sources.proof")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--changes", type=int, default=5000, help="committed to each table, at least")
    parser.add_argument("--consumers", type=int, default=2)
    parser.add_argument("--kills", type=int, help="at most; by default until all is taken up")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = vars(parser.parse_args())
    as_json = options.pop("as_json")
    outcome = prove(**options)
    if as_json:
        sources = {source: vars(verdict) for source, verdict in outcome.verdicts.items()}
        print(json.dumps({"kills": outcome.kills, "sources": sources}))
        sys.exit(0 if outcome else 1)
    print(
        f"{options['writers']} writers, {outcome.kills} consumers killed, {outcome.in_the_middle} of them in "
        f"the middle, {outcome.seconds:.0f} s"
    )
    for source, verdict in outcome.verdicts.items():
        print(f"  {source:<10} {verdict}")
    sys.exit(0 if outcome else 1)


if __name__ == "__main__":
    os.environ.setdefault("NOTIFYAUDIT_TEST_DB", "postgres")
    main()
