"""
Kill what records, routes and sends, at random, and count what was lost and what arrived twice.

The exit status is 0 if all promises were kept, 1 if not, 2 if nothing moved any more, 3 without a database.
"""

import argparse
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from example_site.processes import end_on_sigterm

KEPT, BROKEN, STUCK, UNAVAILABLE = range(4)
_PROGRAM = "python -m tests.acceptance.faults"


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM, description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--database", choices=["sqlite", "postgres", "mariadb"], default="sqlite", help="made for the run"
    )
    parser.add_argument("--kills", type=int, default=200, help="processes that get SIGKILL, at least")
    parser.add_argument("--mails", type=int, default=10_000, help="how many times a deed names whom to tell")
    parser.add_argument(
        "--digests",
        type=int,
        default=0,
        metavar="READERS",
        help="so many addresses are told in digests of two classes, as are some who have subscribed; 0: all"
        " are told at once",
    )
    parser.add_argument("--seed", type=int, default=7, help="of the plan")
    parser.add_argument("--sweeps", type=int, default=2, help="processes that sweep")
    parser.add_argument("--workers", type=int, default=2, help="workers of the task queue")
    parser.add_argument("--producers", type=int, default=2, help="processes that record")
    parser.add_argument("--lease", type=float, default=3.0, help="the setting LEASE, in seconds")
    parser.add_argument("--max-in-flight", type=int, help="the setting MAX_IN_FLIGHT")
    parser.add_argument("--connections", type=int, help="the setting CONNECTIONS")
    parser.add_argument(
        "--uncertain-policy", choices=["resend", "hold"], default="resend", help="the setting"
    )
    parser.add_argument("--directory", type=Path, default=Path("var/faults"), help="for logs, and the record")
    return parser.parse_args(arguments)


def configure(options: argparse.Namespace) -> None:
    """All processes of the run read the same settings, from the environment."""
    options.directory = options.directory.resolve()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "tests.acceptance.faults.settings",
        "NOTIFYAUDIT_TEST_DB": options.database,
        "FAULTS_DIRECTORY": str(options.directory),
        "FAULTS_RUN": str(os.getpid()),
        "FAULTS_LEASE": str(options.lease),
        "FAULTS_UNCERTAIN_POLICY": options.uncertain_policy,
        **{
            f"FAULTS_{name}": str(value)
            for name in ("MAX_IN_FLIGHT", "CONNECTIONS")
            if (value := getattr(options, name.lower()))
        },
    }


@contextmanager
def database() -> Iterator[None]:
    """An empty one with all tables, dropped at the end."""
    from django.db import connection

    old_name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    os.environ["FAULTS_DATABASE_NAME"] = str(connection.settings_dict["NAME"])
    try:
        yield
    finally:
        if connection.vendor == "postgresql":
            # What was killed may still be connected for a moment.
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        connection.creation.destroy_test_db(str(old_name), verbosity=0)


def run(options: argparse.Namespace) -> int:
    from tests.acceptance.faults import table
    from tests.acceptance.faults.children import Child
    from tests.acceptance.faults.evidence import Record, gather
    from tests.acceptance.faults.roles import create_users, subscribe_watchers
    from tests.acceptance.faults.run import Options, Run
    from tests.acceptance.faults.verdict import judge

    create_users()
    if options.digests:
        subscribe_watchers()
    directory = options.directory
    record = Record(directory / "accepted.jsonl")
    prefix = "tests.acceptance.faults"
    arguments = ["--record", str(directory / "accepted.jsonl"), "--seed", str(options.seed)]
    server = Child(f"{prefix}.smtp", *arguments, log=directory / "server.log")
    os.environ["FAULTS_SMTP_PORT"] = str(server.hear()["port"])
    nursery = Child(f"{prefix}.nursery", str(directory), log=directory / "nursery.log")
    try:
        wanted = {name: getattr(options, name) for name in Options.__dataclass_fields__}
        trial = Run(Options(**wanted), record, server, nursery)
        trial.go()
    finally:
        nursery.end()
        server.end()
    evidence = gather(
        record,
        directory=directory,
        digested=bool(options.digests),
        killed=trial.crew.killed,
        frozen=trial.crew.frozen,
        cuts=trial.reaper.cuts,
        max_in_flight=options.max_in_flight or 1,
        connections=options.connections or 1,
        resends=options.uncertain_policy == "resend",
    )
    findings = judge(evidence)
    print(table.of_the_faults(trial, record, evidence))
    print()
    print(table.of_the_verdict(findings))
    return KEPT if all(finding.holds for finding in findings) else BROKEN


def main(arguments: list[str]) -> int:
    options = parsed(arguments)
    shutil.rmtree(options.directory, ignore_errors=True)
    options.directory.mkdir(parents=True)
    configure(options)
    django.setup()

    from tests.acceptance.faults.run import Stuck
    from tests.conftest import unavailable

    if reason := unavailable():
        print(reason)
        return UNAVAILABLE
    end_on_sigterm()
    started = time.monotonic()
    print(
        f"{_PROGRAM} {shlex.join(arguments)} (seed {options.seed}, Django {django.get_version()})", flush=True
    )
    try:
        with database():
            result = run(options)
    except Stuck as error:
        print(f"{error} What the processes printed is in {options.directory}.")
        return STUCK
    except KeyboardInterrupt:
        print("Stopped.")
        return 130
    seconds = time.monotonic() - started
    print(f"\n{'All promises were kept' if result == KEPT else 'A promise was BROKEN'}, in {seconds:.0f} s.")
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
