"""``manage.py notifyaudit``: what an operator does with the ledger."""

import logging
import signal
import threading
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections

from notifyaudit.tasks import sweep
from notifyaudit.transport import NoConnection

logger = logging.getLogger("notifyaudit")


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

    def handle(self, *_args: Any, subcommand: str, **options: Any) -> None:
        """Dispatch to the subcommand."""
        getattr(self, subcommand)(**options)

    def sweep(self, *, loop: float | None, **_: Any) -> None:
        """Once, or again and again until SIGTERM or SIGINT; a round that has begun is finished."""
        if loop is None:
            try:
                self.stdout.write(str(sweep()))
            except NoConnection as error:
                raise CommandError(
                    f"The mail server cannot be reached; all mails are kept. {error}"
                ) from error
            return
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.is_set():
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
            stopped.wait(loop)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise ArgumentTypeError(f"a number of seconds above 0 is needed, not {text!r}")
    return seconds
