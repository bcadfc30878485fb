"""Who dies next, and how: drawn from a seed, carried out in whatever instant the processes are then."""

import contextlib
import random
import time
from collections import Counter
from enum import StrEnum

from django.db import DatabaseError, connection

from tests.acceptance.faults.children import Child
from tests.acceptance.faults.crew import WORKING, Agenda, Crew
from tests.acceptance.faults.fuses import Fuse, FuseBox

_PATIENCE_LEASES = 1.5
"""
Who has not reached the chosen instant after so many leases is killed wherever it is: there may be nothing to
send until the claim of somebody who was killed has ended.
"""
_SOON_SECONDS = 0.03
_AT_ONCE = 2


class Death(StrEnum):
    """How a process comes to its end."""

    MOMENT = "at any moment"
    PRODUCER = "a recording process, at any moment"
    HELD = "after the end of DATA, before the reply"
    ACCEPTED = "right after the reply"
    POWER = "all workers at once"
    BEFORE_STATEMENT = "before an SQL statement"
    AFTER_STATEMENT = "after an SQL statement"
    CLAIMED = "after a claim, nothing sent"
    PREPARING = "while a mail is made"
    ROUTING = "while an event is routed"
    COMMITTED = "between a commit and its wake-up"


_WEIGHTS = dict(zip(Death, (24, 6, 20, 8, 1, 8, 8, 9, 5, 6, 5), strict=True))
_FUSES = {death: Fuse[death.name] for death in Death if death.name in Fuse.__members__}
_OF_PRODUCERS = {Death.PRODUCER, Death.COMMITTED}
_OF_THE_SERVER = {Death.HELD, Death.ACCEPTED}


class Reaper:
    """Chooses, and sees to it that everybody chosen dies."""

    def __init__(
        self,
        chance: random.Random,
        crew: Crew,
        server: Child,
        fuses: FuseBox,
        agenda: Agenda,
        *,
        lease: float,
    ) -> None:
        self.deaths: Counter[Death] = Counter()
        self.cuts = self.outages = 0
        self._chance, self._crew, self._server = chance, crew, server
        self._fuses, self._agenda, self._lease = fuses, agenda, lease
        self._patience = lease * _PATIENCE_LEASES
        self._doomed: dict[int, Death] = {}
        self._trap: Death | None = None
        self._trap_freezes = False
        self._trap_set_at = 0.0

    @property
    def pending(self) -> int:
        """Who is chosen, and still lives."""
        return len(self._doomed) + bool(self._trap)

    @property
    def is_busy(self) -> bool:
        return self.pending >= _AT_ONCE

    def choose(self) -> None:
        """One process more is to die."""
        producers, workers = self._free("producer"), self._free(*WORKING)
        if not workers:
            return  # they are being born
        death = self._chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        if death in _OF_PRODUCERS and not producers:
            death = Death.MOMENT  # everything is recorded already
        if death in _OF_THE_SERVER and self._trap:
            death = Death.MOMENT
        if death in _OF_THE_SERVER:
            self._set_trap(death)
        elif death is Death.POWER:
            for slot in workers:
                self._doom(slot, death)
                self._crew.kill(slot)
        else:
            self._doom(self._chance.choice(producers if death in _OF_PRODUCERS else workers), death)
        self._shake()

    def kill_after_commit(self, slot: int) -> None:
        """This recording process commits, and comes no further."""
        self._doom(slot, Death.COMMITTED)

    def _doom(self, slot: int, death: Death) -> None:
        self._doomed[slot] = death
        if death in _FUSES:
            self._fuses.light(slot, _FUSES[death])
            pid = self._crew.processes[slot].pid
            self._agenda.after(self._patience, lambda: self._insist(slot, pid))
        elif death is not Death.POWER:
            self._agenda.after(self._chance.random() * _SOON_SECONDS, lambda: self._crew.kill(slot))

    def _insist(self, slot: int, pid: int | None) -> None:
        if slot in self._doomed and self._crew.processes[slot].pid == pid:
            self._doomed[slot] = Death.MOMENT
            self._fuses.quench(slot)
            self._crew.kill(slot)

    def _set_trap(self, death: Death, *, freezes: bool = False) -> None:
        self._trap, self._trap_set_at, self._trap_freezes = death, time.monotonic(), freezes
        self._server.tell(f"catch {death.name.lower()}")

    def caught(self, worker: int) -> None:
        """The mail server says whose mail it has just taken."""
        death, self._trap = self._trap or Death.HELD, None
        for slot in self._free(*WORKING):
            if self._crew.processes[slot].pid == worker:
                if self._trap_freezes:
                    self._crew.freeze(slot, self._lease * self._chance.uniform(1.1, 1.5))
                else:
                    self._doomed[slot] = death
                    self._crew.kill(slot)

    def ended(self, slot: int, *, killed: bool) -> None:
        """A process has ended; if it was to die otherwise, so is its successor no more."""
        self._fuses.quench(slot)
        death = self._doomed.pop(slot, None)
        if killed:
            self.deaths[death or Death.MOMENT] += 1

    def lose_patience(self) -> None:
        """Nobody has walked into the server's trap."""
        if self._trap and time.monotonic() > self._trap_set_at + self._patience:
            self._server.tell("forget")
            self._trap = None
            if not self._trap_freezes and (workers := self._free(*WORKING)):
                self._doom(self._chance.choice(workers), Death.MOMENT)

    def _free(self, *roles: str) -> list[int]:
        return [slot for slot in self._crew.alive(*roles) if slot not in self._doomed]

    def _shake(self) -> None:
        """What happens beside the kills."""
        workers = self._free(*WORKING)
        if workers and self._chance.random() < 0.1:
            self._crew.ask_to_end(self._chance.choice(workers))
        if not self._trap and self._chance.random() < 0.15:
            # With a mail that is out and not settled, and most of a batch.
            self._set_trap(Death.ACCEPTED, freezes=True)
        if self._chance.random() < 0.1:
            self.cuts += cut_a_connection(self._chance)
        if self._chance.random() < 0.03:
            self.outages += 1
            self._server.tell(f"outage {self._chance.uniform(0.1, 0.5):.2f}")


def cut_a_connection(chance: random.Random) -> int:
    """Have the database server close the connection of anybody but us; how many it was."""
    if connection.vendor == "postgresql":
        others = (
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY pid"
        )
        cut = "SELECT pg_terminate_backend(%s)"
    elif connection.vendor == "mysql":
        others = (
            "SELECT id FROM information_schema.processlist"
            " WHERE db = DATABASE() AND id <> CONNECTION_ID() ORDER BY id"
        )
        cut = "KILL %s"
    else:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(others)
        found = cursor.fetchall()
        # It may have ended by itself meanwhile.
        with contextlib.suppress(DatabaseError):
            if found:
                cursor.execute(cut, chance.choice(found))
    return bool(found)
