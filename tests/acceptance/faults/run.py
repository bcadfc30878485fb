"""One run: first undisturbed, then with kills, then until nothing is left to be done."""

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

from tests.acceptance.faults import plan
from tests.acceptance.faults.children import Child, Said
from tests.acceptance.faults.crew import WORKING, Agenda, Crew, Process
from tests.acceptance.faults.deeds.models import Deed
from tests.acceptance.faults.evidence import Record, unsettled
from tests.acceptance.faults.fuses import FuseBox
from tests.acceptance.faults.reaper import Reaper

STILL_SECONDS = 90
"""A run in which nothing has moved for so long is given up."""
_TICK_SECONDS = 0.005
_ASK_SECONDS = 0.2
_CALM = 0.15
"""Which part of the deeds is done and told before anything goes wrong."""
_AHEAD = 0.3
"""Which part may be recorded beyond the share of kills done: there is always work to be killed at."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run is. The same options make the same plan; in which instant it meets a process is chance."""

    directory: Path
    seed: int
    kills: int
    mails: int
    sweeps: int
    workers: int
    producers: int
    lease: float
    digests: int


class Stuck(Exception):
    """Nothing moves, and yet there is something to do."""


class Run:
    """From the first deed to the last mail."""

    def __init__(self, options: Options, record: Record, server: Child, nursery: Child) -> None:
        self.options, self.record = options, record
        self.calm_speed = self.storm_speed = 0.0
        self._server = server
        self._deeds = plan.deeds(options.seed, options.mails, options.digests)
        self._calm = int(len(self._deeds) * _CALM)
        self._agenda = Agenda()
        self.crew = Crew(nursery, self._agenda, _processes(options))
        self._fuses = FuseBox(options.directory / "fuses", len(self.crew.processes))
        chance = random.Random(f"deaths {options.seed}")
        self.reaper = Reaper(chance, self.crew, server, self._fuses, self._agenda, lease=options.lease)
        self._said: Queue[Said] = Queue()
        server.listen(self._said)
        nursery.listen(self._said)

    def go(self) -> None:
        """
        Raises:
            Stuck: if nothing moves before all kills are done, or somebody does not end.
        """
        self._undisturbed()
        self._storm()
        self._fence()

    def _undisturbed(self) -> None:
        self._fuses.gate = self._calm
        self.crew.start("producer")
        self._until(self._asking(self._are_done(self._deeds[: self._calm])), "the first deeds")
        self.crew.start("clock", *WORKING)
        self._until(
            lambda: self.record.told >= self._accepted_of(self._deeds[: self._calm]), "the first mails"
        )
        self.calm_speed = self.record.speed_since(0)

    def _storm(self) -> None:
        before, told_before = len(self.record.times), self.record.told
        # The last deed, which may be a large one, is for the end.
        whole = max(self._accepted_of(self._deeds[self._calm : -1]), 1)
        all_but_one = self._asking(self._are_done(self._deeds[:-1]))

        def over() -> bool:
            done = len(self.crew.killed)
            share = min(1, done / self.options.kills + _AHEAD) if self.options.kills else 1
            self._fuses.gate = self._calm + int((len(self._deeds) - 1 - self._calm) * share)
            told = (self.record.told - told_before) / whole
            # The kills are spread over the mails, not over the time: a slow machine gets as many for each.
            if (
                done + self.reaper.pending < self.options.kills
                and not self.reaper.is_busy
                and told >= (done + self.reaper.pending) / self.options.kills * 0.9
            ):
                self.reaper.choose()
            self.reaper.lose_patience()
            return done >= self.options.kills and not self.reaper.pending and all_but_one()

        self._server.tell("storm")
        self._until(over, "all kills, and all deeds")
        self._server.tell("calm")
        self.storm_speed = self.record.speed_since(before)

    def _fence(self) -> None:
        """
        Everybody is asked to end. One deed more is committed by a process that comes no further, so that no
        wake-up will ever tell of it. Then sweeps run until there is nothing left to do.
        """
        self.crew.stop(*WORKING)
        self._until(lambda: self.crew.all_gone(*WORKING), "the workers to end")
        self.reaper.kill_after_commit(self._producer_of_the_last())
        self._fuses.gate = len(self._deeds)
        self._until(lambda: self.crew.all_gone("producer"), "the last deed")
        self.crew.start("sweep")
        # If something stays unsettled, the verdict says what.
        with contextlib.suppress(Stuck):
            self._until(self._asking(lambda: not unsettled()), "everything to be settled")
        self.crew.stop("clock", "sweep")
        self._until(lambda: self.crew.all_gone("clock", "sweep"), "the sweeps to end")
        # It has nothing to send any more.
        self.crew.start("sweep_once")
        self._until(lambda: self.crew.all_gone("sweep_once"), "the last sweep to end")

    def _producer_of_the_last(self) -> int:
        nth = (len(self._deeds) - 1) % self.options.producers
        return [slot for slot, each in enumerate(self.crew.processes) if each.role == "producer"][nth]

    @staticmethod
    def _are_done(deeds: list[plan.Deed]) -> Callable[[], bool]:
        kept = sum(deed.fate is not plan.Fate.UNDONE for deed in deeds)
        return lambda: Deed.objects.count() >= kept

    def _accepted_of(self, deeds: list[plan.Deed]) -> int:
        """How many times the server takes a mail that tells of one of these deeds, at least."""
        return sum(
            not plan.is_refused(telling.address)
            for deed in deeds
            if deed.fate is not plan.Fate.UNDONE
            for telling in plan.tellings(deed.number, deed.recipients, digested=bool(self.options.digests))
        )

    def _until(self, over: Callable[[], bool], what: str) -> None:
        last, moved_at = -1, 0.0
        while not over():
            with contextlib.suppress(Empty):
                self._hear(self._said.get(timeout=_TICK_SECONDS))
                while True:
                    self._hear(self._said.get_nowait())
            self.record.read()
            self._agenda.work_off()
            moved = len(self.record.times) + len(self.crew.killed)
            if moved != last:
                last, moved_at = moved, time.monotonic()
            if time.monotonic() > moved_at + STILL_SECONDS:
                raise Stuck(f"Nothing has moved for {STILL_SECONDS} s while we waited for {what}.")

    def _hear(self, said: Said) -> None:
        if "gone" in said:
            raise Stuck(f"The {said['gone']} has ended.")
        if "caught" in said:
            self.reaper.caught(said["worker"])
        elif "born" in said:
            self.crew.born(said["slot"], said["born"])
        else:
            killed = len(self.crew.killed)
            self.crew.ended(said["slot"], said["ended"], said["code"])
            self.reaper.ended(said["slot"], killed=len(self.crew.killed) > killed)

    @staticmethod
    def _asking(question: Callable[[], bool]) -> Callable[[], bool]:
        """A question to the database, asked now and then."""
        asked_at = 0.0

        def answer() -> bool:
            nonlocal asked_at
            if time.monotonic() < asked_at + _ASK_SECONDS:
                return False
            asked_at = time.monotonic()
            return question()

        return answer


def _processes(options: Options) -> list[Process]:
    return [
        *(Process("sweep") for _ in range(options.sweeps)),
        *(Process("worker") for _ in range(options.workers)),
        *(
            Process("producer", [options.seed, options.mails, options.digests, first, options.producers])
            for first in range(options.producers)
        ),
        Process("sweep_once"),
        *([Process("clock")] if options.digests else []),
    ]
