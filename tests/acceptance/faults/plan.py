"""What is going to happen, by a seed: who does which deeds, who hears of them, and which are undone."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tests.acceptance.faults.smtp import REFUSED_AT_RCPT, REFUSED_AT_THE_END

USERS = 40
_FEW, _MANY = (1, 9), (1_050, 1_400)
"""How many recipients a deed has; the many are more than two transactions of routing."""
_MANY_FROM_MAILS = 5_000

DEED, DIGEST, SUMMARY = "deed", "digest", "summary"
"""The kinds of mail: of one deed, at once; and digests of two classes, for those who read less often."""
WATCHERS = tuple(f"watcher{number}@example.com" for number in range(1, 6))
"""They have subscribed to all that is digested."""


class Fate(StrEnum):
    """How the transaction of a deed ends."""

    KEPT = "kept"
    UNDONE = "undone"  # rolled back
    RETRIED = "retried"  # rolled back to a savepoint, then done again in the same transaction
    LATE = "late"  # committed when others that began later have long been


@dataclass(frozen=True, slots=True)
class Deed:
    """One event to be recorded, and who is told."""

    number: int
    fate: Fate
    users: tuple[int, ...]
    addresses: tuple[str, ...]

    @property
    def recipients(self) -> tuple[str, ...]:
        return (*(user_address(user) for user in self.users), *self.addresses)


class Telling(NamedTuple):
    """That somebody hears of a deed, in one kind of mail."""

    kind: str
    deed: int
    address: str


def tellings(deed: int, recipients: Iterable[str], *, digested: bool) -> list[Telling]:
    """All that a deed comes to that was committed."""
    recipients = list(recipients)
    if not digested:
        return [Telling(DEED, deed, address) for address in recipients]
    return [
        *(Telling(DIGEST, deed, address) for address in (*recipients, *WATCHERS)),
        *(Telling(SUMMARY, deed, address) for address in recipients),
    ]


def user_address(user: int) -> str:
    return f"user{user}@example.com"


def is_refused(address: str) -> bool:
    """Whether the mail server takes no mail for this address, ever."""
    return address.startswith((REFUSED_AT_RCPT, REFUSED_AT_THE_END))


def deeds(seed: int, mails: int, readers: int = 0) -> list[Deed]:
    """
    So many deeds that those which are kept name a recipient exactly so many times.

    Args:
        seed: of what is drawn.
        mails: as many as recipients are named, where each is told at once.
        readers: so many addresses are named again and again; 0: each is named once.
    """
    return list(_deeds(random.Random(seed), mails, readers))


def _deeds(chance: random.Random, mails: int, readers: int) -> Iterator[Deed]:
    fates = {Fate.KEPT: 90, Fate.UNDONE: 6, Fate.RETRIED: 4, **({Fate.LATE: 5} if readers else {})}
    missing, number = mails, 0
    while missing:
        number += 1
        fate = chance.choices(list(fates), list(fates.values()))[0]
        many = not readers and mails >= _MANY_FROM_MAILS and chance.random() < 0.005
        wanted = min(chance.randint(*(_MANY if many else _FEW)), missing)
        users = sorted(chance.sample(range(1, USERS + 1), chance.randint(0, min(2, wanted))))
        others = wanted - len(users)
        addresses = (
            [_reader(each) for each in chance.sample(range(readers), others)]
            if readers
            else [_address(chance, number, each) for each in range(others)]
        )
        yield Deed(number, fate, tuple(users), tuple(addresses))
        if fate is not Fate.UNDONE:
            missing -= wanted


def _address(chance: random.Random, number: int, each: int) -> str:
    name = chance.choices(["reader", REFUSED_AT_RCPT, REFUSED_AT_THE_END], [97, 2, 1])[0]
    return f"{name}{each}.deed{number}@example.com"


def _reader(number: int) -> str:
    name = {20: REFUSED_AT_RCPT, 40: REFUSED_AT_THE_END}.get(number % 50, "reader")
    return f"{name}{number}@example.com"
