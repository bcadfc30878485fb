"""The example's real processes: the site, a worker and the mail server; started, watched, always ended."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Self, TypeVar
from urllib.parse import quote

from example_site.inbox import Inbox
from example_site.ports import check_port, free_port, http_status

ROOT = Path(__file__).resolve().parent.parent
POLL_SECONDS = 0.05
STOP_SECONDS = 10
OK = 200

Found = TypeVar("Found")


class ProcessError(Exception):
    """Something that the person at the terminal should read, as a sentence."""


class Process:
    """One process of ours, with everything it prints in a log file."""

    def __init__(self, name: str, command: list[str], *, log: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            # A session of its own: Ctrl-C reaches us only, and we end the processes in order.
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """``None`` while it runs; negative when a signal ended it."""
        return self._popen.poll()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def check_running(self) -> None:
        """
        Raises:
            ProcessError: with the end of its log, when it has ended.
        """
        if self.exit_code is not None:
            raise ProcessError(f"The {self.name} ended with exit code {self.exit_code}.\n{self.log_tail()}")

    def log_tail(self, lines: int = 15) -> str:
        tail = self.output.splitlines()[-lines:]
        return "\n".join([f"The end of {shown_path(self.log)}:", *(f"  {line}" for line in tail)])

    def wait(self, seconds: float) -> int:
        """
        Wait until it ends by itself; its exit code.

        Raises:
            ProcessError: when it has not ended by then.
        """
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            what = f"The {self.name} has not ended in {seconds:g} s."
            raise ProcessError(f"{what}\n{self.log_tail()}") from None

    def kill(self) -> None:
        """SIGKILL: it can clean up nothing."""
        self._popen.kill()
        self._popen.wait()

    def stop(self) -> None:
        """Ask it to end; insist when it does not."""
        self._popen.terminate()
        try:
            self._popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


class Processes:
    """
    The processes of one copy of the example, its database and its mails, all below one directory.

    As a context manager it ends what was started, in every case.
    """

    def __init__(
        self,
        directory: Path,
        *,
        database_url: str | None = None,
        port: int = 0,
        smtp_port: int = 0,
        settings: str = "example_site.settings.local",
    ) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.inbox = Inbox(directory / "mail")
        # Taken now, not by the site: the links in mails need the port before the site runs.
        self.port = port or free_port()
        self.smtp_port = smtp_port
        self.environment = os.environ | {
            "BASE_URL": f"http://127.0.0.1:{self.port}",
            "DATABASE_URL": database_url or f"sqlite:///{quote(str(directory.resolve()))}/site.sqlite3",
            "DJANGO_SETTINGS_MODULE": settings,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(smtp_port),
        }
        self._started: list[Process] = []
        self._watched: list[Process] = []
        self._names: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        with ignoring_signals():
            for process in reversed(self._started):
                process.stop()

    @property
    def base_url(self) -> str:
        return self.environment["BASE_URL"]

    @property
    def password(self) -> str:
        """What everybody in the sample data logs in with."""
        return self.environment.get("SAMPLE_PASSWORD") or "demo-password"

    def check_ports(self) -> None:
        """
        Raises:
            PortError: when another program has one of the ports, before anything of ours is started.
        """
        check_port(self.port, "PORT")
        # Port 0 is always free: the mail server takes what it is given.
        check_port(self.smtp_port, "SMTP_PORT")

    def manage(self, *arguments: str, seconds: float = 60) -> str:
        """
        Run one management command to its end; what it printed.

        Raises:
            ProcessError: with the end of its output, when it fails.
        """
        process = self.start_command(*arguments)
        if process.wait(seconds):
            raise ProcessError(f"“manage.py {arguments[0]}” failed.\n{process.log_tail()}")
        return process.output

    def start_command(self, *arguments: str) -> Process:
        """Start a management command, which may end by itself, without waiting for it."""
        command = [sys.executable, "example_site/manage.py", *arguments]
        return self._start(arguments[0], command, watched=False)

    def start_mail_server(self, *options: str) -> Process:
        """Start the mail server and wait until it listens; with port 0 it says which it took."""
        check_port(self.smtp_port, "SMTP_PORT")
        arguments = ["--port", str(self.smtp_port), "--directory", str(self.inbox.directory), *options]
        process = self._start("mail server", [sys.executable, "-m", "example_site.mailserver", *arguments])
        announced = self.wait_for(
            lambda: re.search(r"^listening on port (\d+)$", process.output, re.MULTILINE),
            what="the mail server listens",
        )
        self.smtp_port = int(announced[1])
        self.environment["SMTP_PORT"] = announced[1]
        return process

    def start_site(self) -> Process:
        """Start the web site and wait until it answers."""
        check_port(self.port, "PORT")
        process = self._start(
            "site",
            [sys.executable, "example_site/manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}"],
        )
        status = self.wait_for(lambda: http_status(self.port, "/login/"), what="the site answers")
        if status != OK:
            raise ProcessError(f"The site answers with status {status}.\n{process.log_tail()}")
        return process

    def start_worker(self) -> Process:
        """Start the worker. Nothing waits for it: a task that it is too late for is still there."""
        options = ("--no-reload", "--no-startup-delay", "--interval", "0.1")
        return self._start("worker", [sys.executable, "example_site/manage.py", "db_worker", *options])

    def wait_for(self, probe: Callable[[], Found], *, what: str, seconds: float = 60) -> Found:
        """
        See :func:`wait_for`.

        Raises:
            ProcessError: also when one of the processes ends meanwhile.
        """
        return wait_for(probe, what=what, seconds=seconds, check=self.check_running)

    def check_running(self) -> None:
        """
        Raises:
            ProcessError: when one that should run for ever has ended.
        """
        for process in self._watched:
            process.check_running()

    def kill(self, process: Process) -> None:
        """End it with SIGKILL, and expect it to be dead from now on."""
        self.forget(process)
        process.kill()

    def forget(self, process: Process) -> None:
        """Do not expect it to run any more."""
        if process in self._watched:
            self._watched.remove(process)

    def _start(self, name: str, command: list[str], *, watched: bool = True) -> Process:
        self._names[name] += 1
        suffix = f"-{self._names[name]}" if self._names[name] > 1 else ""
        log = self.logs / f"{name.replace(' ', '-')}{suffix}.log"
        process = Process(name, command, log=log, environment=self.environment)
        self._started.append(process)
        if watched:
            self._watched.append(process)
        return process


def wait_for(
    probe: Callable[[], Found], *, what: str, seconds: float = 60, check: Callable[[], None] = lambda: None
) -> Found:
    """
    Ask until the answer is true, and return it; ``check`` may give up in between.

    Raises:
        ProcessError: when the time is up.
    """
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        check()
        if time.monotonic() > deadline:
            raise ProcessError(f"In {seconds:g} s it did not happen that {what}.")
        time.sleep(POLL_SECONDS)
    return found


def shown_path(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def end_on_sigterm() -> None:
    """Let SIGTERM unwind the program as Ctrl-C does, so that context managers end the processes."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


@contextmanager
def ignoring_signals() -> Iterator[None]:
    """A second Ctrl-C while the processes are being ended would leave some of them behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
