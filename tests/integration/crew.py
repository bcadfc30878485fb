"""
Processes that call receivers, and are killed: ``python -m tests.integration.crew SCENE DIRECTORY``.

One process loads Django and forks the others, so that who is killed is replaced at once. It opens no database
itself. Standard output says, as JSON, how often a worker was killed and what is in the database at the end.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import django

WORKERS = 3


def born(work, *arguments):
    """The pid of a process that does this work and ends."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        work(*arguments)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(work, *arguments):
    """Do it in a process of its own, which must end well."""
    code = ended(born(work, *arguments))
    if code:
        sys.exit(f"{work.__name__} ended with {code}")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def work_until_nothing_is_open(fuse=0):
    """Call what is due; with a fuse, die right before (or, if it is odd, after) that statement."""
    from django.db import connection

    from notifyaudit.models import SignalCall
    from notifyaudit.sources.calls import run_due

    count = 0

    def burn(execute, sql, params, many, context):
        nonlocal count
        count += 1
        if count * 2 == fuse:
            die()
        result = execute(sql, params, many, context)
        if count * 2 + 1 == fuse:
            die()
        return result

    with connection.execute_wrapper(burn):
        while SignalCall.objects.filter(status="open").exists():
            if not run_due():
                time.sleep(0.02)


def crew(fuses=()):
    """Workers until nothing is open; who is killed is replaced. Returns how many were."""
    fuses, killed = list(fuses), 0
    alive = {born(work_until_nothing_is_open, fuses.pop() if fuses else 0) for _ in range(WORKERS)}
    while alive:
        pid, status = os.wait()
        alive.discard(pid)
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            killed += 1
            alive.add(born(work_until_nothing_is_open, fuses.pop() if fuses else 0))
        elif code:
            sys.exit(f"a worker ended with {code}")
    return killed


def told(path):
    """What is in the database."""
    from notifyaudit.models import SignalCall
    from tests.testapp.models import Tag

    rows = list(SignalCall.objects.values("receiver", "status", "attempts", "abandoned", "last_error"))
    tags = sorted(Tag.objects.values_list("name", flat=True))
    Path(path).write_text(json.dumps({"rows": rows, "tags": tags}))


def send(signal_name, numbers, *, rolled_back=()):
    from django.db import transaction

    from tests.integration import crew_receivers

    for number in numbers:
        with transaction.atomic():
            getattr(crew_receivers, signal_name).send_reliable(None, number=number)
            if number in rolled_back:
                transaction.set_rollback(True)


def send_and_die(number, *, committed):
    from django.db import transaction

    with transaction.atomic():
        send("stamped", [number])
        if not committed:
            die()
    die()


def killed_anywhere(_directory):
    """Each worker dies at a later statement than the one before, until all phases of a call were met."""
    run(lambda: send("stamped", range(20), rolled_back={3, 7}))
    return crew(range(32, 1, -1))


def senders_killed(_directory):
    pids = [born(lambda: send_and_die(1, committed=False)), born(lambda: send_and_die(2, committed=True))]
    killed = [ended(pid) for pid in pids].count(-signal.SIGKILL)
    return killed + crew()


def longer_than_the_lease(_directory):
    run(lambda: send("slow", [1, 2]))
    return crew()


def poisoned(_directory):
    run(lambda: send("deadly", [1]))
    run(lambda: send("stamped", range(5)))
    return crew()


def main():
    scene, directory = sys.argv[1:]
    django.setup()
    from tests.integration import crew_receivers

    crew_receivers.JOURNAL = Path(directory) / "journal"
    killed = globals()[scene](directory)
    answer = Path(directory) / "answer.json"
    run(told, answer)
    print(json.dumps({"killed": killed, **json.loads(answer.read_text())}))


if __name__ == "__main__":
    main()
