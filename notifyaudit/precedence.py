"""
Which of several subscriptions decides. Pure: no ORM, no clock, no settings.

The rows say what was written last, and whoever stores them sees to that: a row replaces the one of the same
owner, target, action, email class and condition; and a subscription takes away the mute without action and
class of the same owner and target, which would silence it. A mute takes nothing away: what it silences is
heard again when it is lifted.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from notifyaudit.frequency import Frequency
from notifyaudit.patterns import is_pattern


class Rule(StrEnum):
    """What told the winner from the next best, in the order in which it is asked."""

    PERSONAL = "personal"
    SILENCED = "silenced"
    NEAREST = "nearest"
    SPECIFIC = "specific"
    MUTED = "muted"
    SOONEST = "soonest"
    OLDEST = "oldest"
    ONLY = "only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    A subscription or a mute that applies: it is the person's or a group's of theirs; its target is the
    event's, one of its ancestors, or none; its email class or action is the one in question; its condition
    is met.

    Args:
        id: the row's key; higher is younger.
        personal: whether it is the person's own.
        distance: 0 when it is for the event's target itself, 1 for the parent, and so on; ``None``: for any.
        email_key: the key of the email class it is for, if it is for one.
        action: else the action or pattern; both empty: for everything.
        muted: whether nothing is to be told.
        frequency: else how soon.
    """

    id: int
    personal: bool
    distance: int | None
    email_key: str = ""
    action: str = ""
    muted: bool = False
    frequency: Frequency = Frequency.IMMEDIATE


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    Args:
        row: the row that decided.
        rule: why this one.
        frequency: how soon to tell; ``None``: not at all.
    """

    row: Row
    rule: Rule
    frequency: Frequency | None


def decide(rows: Iterable[Row], *, mandatory: bool = False) -> Verdict | None:
    """
    The verdict of those rows that apply to one event and one person; ``None``: there is none.

    - A personal row before one of a group.
    - A mute without action and class before whatever is more specific: within its target it silences all.
    - The row of the nearest target; one without target last.
    - An email class before an exact action before the longest pattern.
    - On a tie a mute, then the soonest; then the oldest, so that the same is named each time.

    Args:
        rows: in any order.
        mandatory: the mail can be neither muted nor digested. Mutes have no say, and it leaves at once.
    """
    heard = sorted((row for row in rows if not (mandatory and row.muted)), key=_rank)
    if not heard:
        return None
    winner = heard[0]
    frequency = Frequency.IMMEDIATE if mandatory else winner.frequency
    return Verdict(winner, _rule(heard), None if winner.muted else frequency)


def _rank(row: Row) -> tuple[tuple[float, ...], ...]:
    """The lowest wins; a part for each rule."""
    silences = row.muted and not (row.email_key or row.action)
    return (
        (not row.personal,),
        (not silences,),
        (math.inf if row.distance is None else row.distance,),
        _specificity(row),
        (not row.muted,),
        (row.frequency.rank,),
        (row.id,),
    )


def _specificity(row: Row) -> tuple[float, ...]:
    if row.email_key:
        return (0, 0)
    if row.action and not is_pattern(row.action):
        return (1, 0)
    return (2, -len(row.action))


def _rule(heard: list[Row]) -> Rule:
    if len(heard) == 1:
        return Rule.ONLY
    parts = zip(Rule, _rank(heard[0]), _rank(heard[1]), strict=False)
    return next((rule for rule, winner, other in parts if winner != other), Rule.OLDEST)
