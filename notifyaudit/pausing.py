"""Pauses: an operator's, and the sender's own when the mail server refuses its credentials."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connections, transaction
from django.db.models import QuerySet

from notifyaudit import clock, conf
from notifyaudit.contention import persistent
from notifyaudit.models import Pause
from notifyaudit.retry import RetryPolicy
from notifyaudit.text import describe

logger = logging.getLogger("notifyaudit")

EVERYTHING = ""
"""In the place of a kind of email."""

_BACK_OFF = RetryPolicy(max_attempts=1_000, base=timedelta(minutes=1), ceiling=timedelta(hours=1), jitter=0)


@dataclass(frozen=True, slots=True)
class Paused:
    """What is paused now; and whether a pause for refused credentials is over, without a mail sent since."""

    keys: frozenset[str]
    on_trial: bool

    @property
    def everything(self) -> bool:
        """Whether nothing is to be sent at all."""
        return EVERYTHING in self.keys


def paused() -> Paused:
    """What is paused now; one query."""
    rows = list(_pauses())
    now = clock.now()
    in_force = {row.email_key for row in rows if row.until is None or row.until > now}
    return Paused(frozenset(in_force), on_trial=any(row.refusals for row in rows))


@persistent
def pause(keys: Iterable[str] = (EVERYTHING,), *, reason: str = "", until: datetime | None = None) -> None:
    """
    Send no mail of these kinds, by default none at all, until then or until :func:`resume`.

    Args:
        keys: keys of email classes.
        reason: for whoever asks.
        until: ``None``: with no end.
    """
    values = {"reason": reason, "until": until, "refusals": 0, "created_at": clock.now()}
    # One statement: a row that is read first may be gone, or another's, when it is written.
    by_name = connections[conf.current().DATABASE].features.supports_update_conflicts_with_target
    _pauses().bulk_create(
        [Pause(email_key=key, **values) for key in dict.fromkeys(keys)],
        update_conflicts=True,
        update_fields=list(values),
        unique_fields=["email_key"] if by_name else None,
    )


@persistent
def resume(keys: Iterable[str] | None = None) -> int:
    """
    End the pauses of these kinds, by default all.

    Returns:
        how many there were.
    """
    rows = _pauses() if keys is None else _pauses().filter(email_key__in=list(keys))
    return rows.delete()[0]


@persistent
def refused(error: Exception) -> None:
    """
    The mail server does not accept who we say we are. That does not mend itself, and a thousand attempts get
    an account locked: pause everything, longer each time.
    """
    with transaction.atomic(using=conf.current().DATABASE):
        row, is_new = _pauses().select_for_update().get_or_create(email_key=EVERYTHING)
        if not is_new and (row.until is None or row.until > clock.now()):
            return  # an operator's, which ends when they say; or another connection was told so just now
        row.refusals += 1
        row.until = clock.now() + (_BACK_OFF.pause(row.refusals) or _BACK_OFF.ceiling)
        row.reason = describe(error)
        row.save()
    logger.critical("mail server refuses our credentials: no mail is tried before %s: %s", row.until, error)


@persistent
def accepted() -> None:
    """It does accept us: forget that it did not."""
    _pauses().filter(email_key=EVERYTHING, refusals__gt=0).delete()


def _pauses() -> QuerySet[Pause]:
    return Pause.objects.using(conf.current().DATABASE)
