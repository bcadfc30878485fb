"""What is going to happen, by a seed: who does which deeds, who hears of them, and which are undone."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.acceptance.faults.smtp import REFUSED_AT_RCPT, REFUSED_AT_THE_END

USERS = 40
_FEW, _MANY = (1, 9), (1_050, 1_400)
"""How many recipients a deed has; the many are more than two transactions of routing."""
_MANY_FROM_MAILS = 5_000


class Fate(StrEnum):
    """How the transaction of a deed ends."""

    KEPT = "kept"
    UNDONE = "undone"  # rolled back
    RETRIED = "retried"  # rolled back to a savepoint, then done again in the same transaction


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


def user_address(user: int) -> str:
    return f"user{user}@example.com"


def is_refused(address: str) -> bool:
    """Whether the mail server takes no mail for this address, ever."""
    return address.startswith((REFUSED_AT_RCPT, REFUSED_AT_THE_END))


def deeds(seed: int, mails: int) -> list[Deed]:
    """So many deeds that those which are kept make exactly this number of mails."""
    return list(_deeds(random.Random(seed), mails))


def _deeds(chance: random.Random, mails: int) -> Iterator[Deed]:
    missing, number = mails, 0
    while missing:
        number += 1
        fate = chance.choices([Fate.KEPT, Fate.UNDONE, Fate.RETRIED], [90, 6, 4])[0]
        many = mails >= _MANY_FROM_MAILS and chance.random() < 0.005
        wanted = min(chance.randint(*(_MANY if many else _FEW)), missing)
        users = sorted(chance.sample(range(1, USERS + 1), chance.randint(0, min(2, wanted))))
        addresses = [_address(chance, number, each) for each in range(wanted - len(users))]
        yield Deed(number, fate, tuple(users), tuple(addresses))
        if fate is not Fate.UNDONE:
            missing -= wanted


def _address(chance: random.Random, number: int, each: int) -> str:
    name = chance.choices(["reader", REFUSED_AT_RCPT, REFUSED_AT_THE_END], [97, 2, 1])[0]
    return f"{name}{each}.deed{number}@example.com"
