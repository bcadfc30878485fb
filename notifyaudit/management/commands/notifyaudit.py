"""``manage.py notifyaudit``: what an operator does with the ledger."""

import json
import logging
import re
from argparse import ArgumentTypeError
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from notifyaudit import clock, pausing, stopping
from notifyaudit.failures import NoConnection
from notifyaudit.registry import emails
from notifyaudit.reviving import revive
from notifyaudit.sources.backfilling import Backfilled, backfill
from notifyaudit.sources.configured import sources
from notifyaudit.statistics import statistics
from notifyaudit.tasks import sweep

logger = logging.getLogger("notifyaudit")

_SPAN = re.compile(r"(?P<number>\d+)(?P<unit>[dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Command(BaseCommand):
    """Subcommands, each a method of its own."""

    help = "Operate the audit ledger and its mails."

    def add_arguments(self, parser: CommandParser) -> None:
        """One parser per subcommand."""
        subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
        sweeping = subcommands.add_parser(
            "sweep", help="Route and send whatever is left over. Enough alone, without any task queue."
        )
        sweeping.add_argument(
            "--loop", type=_seconds, metavar="SECONDS", help="Do it again after this pause, until stopped."
        )
        retrying = subcommands.add_parser("retry", help="Make mails due again that were not sent.")
        retrying.add_argument("ids", nargs="*", type=int, metavar="ID", help="Of a message.")
        retrying.add_argument(
            "--failed", action="store_true", help="All that failed; email classes and receivers that raised."
        )
        retrying.add_argument(
            "--uncertain",
            action="store_true",
            help="All that may have arrived: they may arrive twice.",
        )
        retrying.add_argument(
            "--held", action="store_true", help="All that wait for a release, for whatever reason."
        )
        pausing_ = subcommands.add_parser(
            "pause", help="Send no mails, or none of some kinds, until resumed."
        )
        pausing_.add_argument(
            "keys", nargs="*", metavar="EMAIL_KEY", help="Of an email class; none: everything."
        )
        pausing_.add_argument(
            "--for", type=_seconds, metavar="SECONDS", dest="seconds", help="Resume by itself."
        )
        pausing_.add_argument("--reason", default="", help="For whoever asks.")
        resuming = subcommands.add_parser("resume", help="End pauses; without a key, all.")
        resuming.add_argument("keys", nargs="*", metavar="EMAIL_KEY")
        counting = subcommands.add_parser("stats", help="How the ledger stands, in numbers.")
        counting.add_argument("--json", action="store_true", dest="as_json")

        filling = subcommands.add_parser(
            "backfill", help="Turn what a source has seen until now into events that nobody is told of."
        )
        filling.add_argument("source", metavar="SOURCE", help="The name of one in NOTIFYAUDIT['SOURCES'].")
        filling.add_argument(
            "--since", type=_moment, metavar="WHEN", help="Not before: a date, a moment, or 30d, 12h."
        )
        filling.add_argument("--dry-run", action="store_true", help="Only count.")

    def handle(self, *_args: Any, subcommand: str, **options: Any) -> None:
        """Dispatch to the subcommand."""
        getattr(self, subcommand)(**options)

    def sweep(self, *, loop: float | None, **_: Any) -> None:
        """Once, or again and again until SIGTERM or SIGINT; the mail in hand is finished."""
        with stopping.on_signals(also_unheard=True):
            if loop is None:
                self._sweep_once()
            else:
                self._sweep_until_stopped(loop)

    def _sweep_once(self) -> None:
        try:
            self.stdout.write(str(sweep()))
        except NoConnection as error:
            raise CommandError(f"The mail server cannot be reached; all mails are kept. {error}") from error

    def _sweep_until_stopped(self, pause: float) -> None:
        while not stopping.requested():
            # The server may have closed a connection that was idle during the pause.
            close_old_connections()
            try:
                swept = sweep()
            except (DatabaseError, InterfaceError, NoConnection) as error:
                # It may be back in a moment, and the ledger has lost nothing.
                logger.error("this sweep ended early, the next one goes on: %s", error)  # noqa: TRY400
            else:
                if swept:
                    self.stdout.write(str(swept))
            stopping.wait(pause)

    def retry(self, *, ids: list[int], failed: bool, uncertain: bool, held: bool, **_: Any) -> None:
        """Make what was not sent due again; a sweep sends it."""
        if not (ids or failed or uncertain or held):
            raise CommandError("Say what to retry: message ids, --failed, --uncertain or --held.")
        revived = revive(ids, failed=failed, uncertain=uncertain, held=held)
        self.stdout.write(f"{revived} due again")

    def pause(self, *, keys: list[str], seconds: float | None, reason: str, **_: Any) -> None:
        """Keep mails from leaving. They are written and kept."""
        for key in keys:
            if emails.get(key) is None:
                known = ", ".join(sorted(email_class.key for email_class in emails))
                raise CommandError(f"No email class has the key {key!r}. Known are {known}.")
        until = clock.now() + timedelta(seconds=seconds) if seconds else None
        pausing.pause(keys or [pausing.EVERYTHING], reason=reason, until=until)
        self.stdout.write(f"paused: {', '.join(keys) or 'everything'}")

    def resume(self, *, keys: list[str], **_: Any) -> None:
        """End pauses; a sweep sends what has waited."""
        self.stdout.write(f"{pausing.resume(keys or None)} resumed")

    def backfill(self, *, source: str, since: datetime | None, dry_run: bool, **_: Any) -> None:
        """In portions, each a transaction; the same again records nothing twice."""
        found = next((each for each in sources() if each.name == source), None)
        if found is None:
            known = ", ".join(each.name for each in sources()) or "none: NOTIFYAUDIT['SOURCES'] is empty"
            raise CommandError(f"There is no source {source!r}. Known are {known}.")
        done = Backfilled()
        with stopping.on_signals(also_unheard=True):
            try:
                for done in backfill(found, since, pretend=dry_run):
                    if self._shows_progress():
                        self.stderr.write(f"\r{done}", ending="")
            except NotImplementedError as error:
                raise CommandError(str(error)) from error
            if self._shows_progress():
                self.stderr.write("")
            self.stdout.write(f"{done}{' (nothing was written)' if dry_run else ''}")
            if stopping.requested():
                raise CommandError("It was stopped before its end. Run it again: it goes on.")

    def _shows_progress(self) -> bool:
        return bool(self.stderr.isatty())

    def stats(self, *, as_json: bool, **_: Any) -> None:
        """As lines, or as one JSON object for a monitor."""
        numbers = statistics()
        if as_json:
            self.stdout.write(json.dumps(numbers))
            return
        for name, number in numbers.items():
            self.stdout.write(f"{name.replace('_', ' ')}: {_readable(number)}")


def _readable(number: Any) -> str:
    if isinstance(number, dict):
        return ", ".join(f"{count} {name}" for name, count in number.items()) or "none"
    return ", ".join(number) or "nothing" if isinstance(number, list) else str(number)


def _moment(text: str) -> datetime:
    if found := _SPAN.fullmatch(text):
        number, unit = int(found["number"]), found["unit"]
        with suppress(OverflowError):
            return clock.now() - timedelta(**{_UNITS[unit]: number})
    with suppress(ValueError):
        moment = parse_datetime(text) or datetime.combine(date.fromisoformat(text), time())
        return make_aware(moment) if is_naive(moment) and not is_naive(clock.now()) else moment
    raise ArgumentTypeError(
        f"a date (2026-11-30), a moment (2026-11-30T08:00) or a span (30d, 12h, 90m) is needed, not {text!r}"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise ArgumentTypeError(f"a number of seconds above 0 is needed, not {text!r}")
    return seconds
