"""The processes of a run, each in a slot of its own, in which whoever ends is replaced."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.acceptance.faults.children import Child

WORKING = ("sweep", "worker")
_PAUSE_SECONDS = 0.1


@dataclass(slots=True)
class Process:
    """A slot, and who is in it."""

    role: str
    arguments: list[object] = field(default_factory=list)
    pid: int | None = None
    expected: bool = False  # started, and not yet heard of
    retired: bool = False  # nobody is to replace it
    asked_to_end_at: float = 0
    frozen: bool = False


class Agenda:
    """What is to be done later."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, Callable[[], None]]] = []

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self._entries.append((time.monotonic() + seconds, action))

    def work_off(self) -> None:
        now = time.monotonic()
        due = [action for at, action in self._entries if at <= now]
        self._entries = [(at, action) for at, action in self._entries if at > now]
        for action in due:
            action()


class Crew:
    """Starts, signals and replaces."""

    def __init__(self, nursery: Child, agenda: Agenda, processes: list[Process]) -> None:
        self.processes = processes
        self.killed: list[int] = []
        self.frozen: list[int] = []
        self.asked_to_end: dict[int, float] = {}  # the time, by pid
        self.slowest_end = 0.0
        self.ended_by_themselves = 0
        self._nursery, self._agenda = nursery, agenda

    def alive(self, *roles: str) -> list[int]:
        """The slots of those that run, and are neither frozen nor on their way out."""
        return [
            slot
            for slot, each in enumerate(self.processes)
            if each.pid and each.role in roles and not each.frozen and not each.asked_to_end_at
        ]

    def all_gone(self, *roles: str) -> bool:
        return not any(each.pid or each.expected for each in self.processes if each.role in roles)

    def start(self, *roles: str) -> None:
        for slot, process in enumerate(self.processes):
            if process.role in roles:
                process.retired = False
                self._start(slot)

    def stop(self, *roles: str) -> None:
        """Ask them to end, and replace them no more."""
        for slot, process in enumerate(self.processes):
            if process.role in roles:
                process.retired = True
                self.ask_to_end(slot)

    def ask_to_end(self, slot: int) -> None:
        process = self.processes[slot]
        if process.frozen:
            self._thaw(slot)
        if process.pid and not process.asked_to_end_at:
            process.asked_to_end_at = self.asked_to_end[process.pid] = time.monotonic()
            self.signal(slot, signal.SIGTERM)

    def kill(self, slot: int) -> None:
        self.signal(slot, signal.SIGKILL)

    def freeze(self, slot: int, seconds: float) -> None:
        """It does nothing for a while, and does not know it."""
        process = self.processes[slot]
        if process.pid:
            process.frozen = True
            self.frozen.append(process.pid)
            self.signal(slot, signal.SIGSTOP)
            self._agenda.after(seconds, lambda: self._thaw(slot))

    def signal(self, slot: int, number: signal.Signals) -> None:
        self._nursery.order(slot=slot, signal=number)

    def born(self, slot: int, pid: int) -> None:
        process = self.processes[slot]
        process.pid, process.expected = pid, False
        if process.retired:
            self.ask_to_end(slot)

    def ended(self, slot: int, pid: int, code: int) -> None:
        process = self.processes[slot]
        if code == -signal.SIGKILL:
            self.killed.append(pid)
        elif process.asked_to_end_at:
            self.slowest_end = max(self.slowest_end, time.monotonic() - process.asked_to_end_at)
        elif code == 0 and process.role not in WORKING:
            process.retired = True
        else:
            self.ended_by_themselves += 1
        process.pid, process.asked_to_end_at, process.frozen = None, 0, False
        if not process.retired:
            # Not in a rush, should it end again and again.
            self._agenda.after(0 if code == -signal.SIGKILL else _PAUSE_SECONDS, lambda: self._replace(slot))

    def _replace(self, slot: int) -> None:
        if not self.processes[slot].retired:
            self._start(slot)

    def _start(self, slot: int) -> None:
        process = self.processes[slot]
        process.expected = True
        self._nursery.order(slot=slot, role=process.role, arguments=process.arguments)

    def _thaw(self, slot: int) -> None:
        if self.processes[slot].frozen:
            self.processes[slot].frozen = False
            self.signal(slot, signal.SIGCONT)
