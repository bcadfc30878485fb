"""What a run has shown: computed from the mail server's record and the ledger, and from nothing else."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from tests.acceptance.faults.plan import Telling, is_refused

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Mail:
    """Which mail: of what kind, to whom, and about which deeds, in their order."""

    kind: str
    address: str
    deeds: tuple[int, ...]

    @property
    def tellings(self) -> list[Telling]:
        return [Telling(self.kind, deed, self.address) for deed in self.deeds]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The server took a mail."""

    mail: Mail
    message_id: str
    worker: int
    session: int
    undone: bool = False  # about an event that was rolled back
    heard: bool = True  # whether the worker was answered


@dataclass(frozen=True, slots=True)
class Row:
    """A message of the ledger."""

    mail: Mail
    message_id: str
    status: str
    ever_uncertain: bool = False
    claimed: bool = False


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known when nothing moves any more. Processes are named by their ids."""

    committed: Collection[Telling]
    acceptances: Sequence[Acceptance]
    rows: Sequence[Row]
    unrouted: int = 0
    events_of_deeds: Collection[int] = ()
    killed: Collection[int] = ()
    frozen: Collection[int] = ()
    cuts: int = 0
    leases_lost: int = 0
    max_in_flight: int = 1  # mails that one connection may have in the air
    connections: int = 1  # those of one process
    resends: bool = True

    @cached_property
    def in_the_air_when_killed(self) -> set[Acceptance]:
        """The mails of which a kill may have hidden the outcome: the last ones of each connection."""
        of_session = defaultdict(list)
        for acceptance in self.acceptances:
            of_session[acceptance.session].append(acceptance)
        killed = set(self.killed)
        last = (each for found in of_session.values() for each in found[-self.max_in_flight :])
        return {acceptance for acceptance in last if acceptance.worker in killed}

    @property
    def replies_lost(self) -> int:
        """That of a worker that was killed while it waited for it counts as a kill."""
        return sum(not each.heard and each not in self.in_the_air_when_killed for each in self.acceptances)

    @property
    def excusable(self) -> int:
        """How many mails may arrive twice."""
        if not self.resends:
            return 0
        faults = len(self.killed) + len(self.frozen) + self.cuts + self.leases_lost
        return faults * self.max_in_flight * self.connections + self.replies_lost


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the verdict."""

    name: str
    found: int
    allowed: int
    examples: Sequence[object]

    @property
    def holds(self) -> bool:
        return self.found <= self.allowed


def judge(evidence: Evidence) -> list[Finding]:
    """Every promise, how often it was broken, and how often it may be."""
    committed = set(evidence.committed)
    rows = {row.mail: row for row in evidence.rows}
    held = {row.mail for row in evidence.rows if row.status == "held" and row.ever_uncertain}
    accepted = defaultdict(list)
    for acceptance in evidence.acceptances:
        accepted[acceptance.mail].append(acceptance)
    repeated = {mail: found for mail, found in accepted.items() if len(found) > 1}
    told = _tellings((*accepted, *held))
    in_the_ledger = _tellings(rows)

    return [
        _finding("lost", (each for each in committed - told if not is_refused(each.address))),
        _finding("marked as sent, and never accepted", _only(evidence.rows, "sent", but=accepted)),
        _finding(
            "accepted twice",
            (mail for mail, found in repeated.items() for _ in found[1:]),
            allowed=evidence.excusable,
        ),
        _finding(
            "accepted twice, by nobody who was killed or unheard",
            _without_cause(repeated, evidence),
            allowed=(evidence.cuts + evidence.leases_lost) * evidence.max_in_flight * evidence.connections,
        ),
        _finding(
            "accepted twice, and not known as uncertain",
            (mail for mail in repeated if mail not in rows or not rows[mail].ever_uncertain),
        ),
        _finding("under another Message-ID than the ledger's", _renamed(accepted, rows)),
        _finding("told of other events than the ledger says", _retold(evidence)),
        _finding(
            "rolled back, and mailed all the same",
            (
                acceptance.mail
                for acceptance in evidence.acceptances
                if acceptance.undone or not committed.issuperset(acceptance.mail.tellings)
            ),
        ),
        _finding("committed, and not in the ledger", committed - in_the_ledger),
        _finding("rolled back, and in the ledger", in_the_ledger - committed),
        _finding(
            "in several messages of a kind to one recipient",
            _several(each for row in evidence.rows for each in row.mail.tellings),
        ),
        _finding("not settled as the server answered", _wrongly_settled(evidence, held)),
        _finding("claimed by nobody who lives", (row.mail for row in evidence.rows if row.claimed)),
        _finding("events not routed", range(evidence.unrouted)),
        _finding(
            "deeds without exactly one event", (events for events in evidence.events_of_deeds if events != 1)
        ),
    ]


def _finding(name: str, examples: Iterable[object], *, allowed: int = 0) -> Finding:
    found = list(examples)
    return Finding(name, len(found), allowed, found[:_EXAMPLES])


def _tellings(mails: Iterable[Mail]) -> set[Telling]:
    return {telling for mail in mails for telling in mail.tellings}


def _only(rows: Iterable[Row], status: str, *, but: Collection[Mail]) -> Iterator[Mail]:
    return (row.mail for row in rows if row.status == status and row.mail not in but)


def _renamed(accepted: dict[Mail, list[Acceptance]], rows: dict[Mail, Row]) -> Iterator[object]:
    for mail, found in accepted.items():
        names = {acceptance.message_id for acceptance in found}
        if mail in rows and names != {rows[mail].message_id}:
            yield mail, sorted(names)


def _retold(evidence: Evidence) -> Iterator[object]:
    rows = {row.message_id: row.mail for row in evidence.rows}
    for acceptance in evidence.acceptances:
        if rows.get(acceptance.message_id, acceptance.mail) != acceptance.mail:
            yield acceptance.mail, rows[acceptance.message_id]


def _several(tellings: Iterable[Telling]) -> Iterator[Telling]:
    return (telling for telling, times in Counter(tellings).items() if times > 1)


def _wrongly_settled(evidence: Evidence, held: Collection[Mail]) -> Iterator[object]:
    for row in evidence.rows:
        expected = "failed" if is_refused(row.mail.address) else "sent"
        if row.status != expected and not (row.mail in held and not evidence.resends):
            yield row.mail, row.status


def _without_cause(repeated: dict[Mail, list[Acceptance]], evidence: Evidence) -> Iterator[Mail]:
    """
    Who sent a mail that was sent again did not hear the reply, or was killed with this mail in the air. One
    that was frozen may also be the second: it does not know what has happened meanwhile to its mail.
    """
    frozen = Counter(list(evidence.frozen) * evidence.max_in_flight * evidence.connections)
    for mail, found in repeated.items():
        for before, after in pairwise(found):
            if not before.heard or before in evidence.in_the_air_when_killed:
                continue
            if thawed := next((each.worker for each in (before, after) if frozen[each.worker] > 0), None):
                frozen[thawed] -= 1
            else:
                yield mail
