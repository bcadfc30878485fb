"""
Which worker works on which message: leases. Every change to a claimed message is guarded by the token of
the claim, so a worker that was too slow cannot settle what another has taken over.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connections, transaction
from django.db.models import F, Max, Q, Value
from django.db.models.functions import Coalesce

from notifyaudit import clock, conf
from notifyaudit.contention import persistent
from notifyaudit.models import Message, MessageStatus
from notifyaudit.models.message import WAITING, MessageQuerySet
from notifyaudit.pausing import Paused, paused
from notifyaudit.registry import emails

BATCH = 100
"""Messages a worker claims at once."""


@dataclass(frozen=True, slots=True)
class Claim:
    """
    A batch of messages in one worker's hands.

    ``on_trial``: the mail server has refused our credentials, and this is to show whether it still does.
    """

    token: UUID
    messages: list[Message]
    on_trial: bool = False

    def mark_sending(self, messages: list[Message]) -> list[Message]:
        """Say that these messages leave now, and renew their lease. Returns those that are (still) ours."""
        if not messages:
            return []
        lease_until = clock.now() + conf.current().LEASE
        if self._update(messages, status=MessageStatus.SENDING, lease_until=lease_until):
            return messages
        ours = set(self._mine(messages).values_list("pk", flat=True))
        return [message for message in messages if message.pk in ours]

    def settle(self, message: Message, **values: Any) -> bool:
        """Write down what became of a message, and let go of it. ``False``: it is no longer ours."""
        return self._update([message], lease_token=None, lease_until=None, abandoned=0, **values)

    @persistent
    def release(self, messages: list[Message]) -> None:
        """Give messages back as they were, for anybody to claim."""
        fresh = [message for message in messages if not message.abandoned]
        self._update(fresh, lease_token=None, lease_until=None)
        found = [message for message in messages if message.abandoned]
        self._update(found, lease_until=clock.now(), abandoned=F("abandoned") - 1)

    def _update(self, messages: list[Message], **values: Any) -> bool:
        return self._mine(messages).update(**values) == len(messages)

    def _mine(self, messages: list[Message]) -> MessageQuerySet:
        return _messages().filter(pk__in=[message.pk for message in messages], lease_token=self.token)


def claim() -> Claim | None:
    """
    Take up to ``BATCH`` due messages, the urgent and the oldest first; ``None`` when there are none.

    What may have arrived already comes after what has not. Those that a vanished worker had in hand come last
    and one at a time: if one of them is what made it vanish, it takes no others with it, and can be told from
    them.
    """
    token, standing = uuid4(), paused()
    for queue in _queues(clock.now(), standing):
        while (taken := _take(token, queue)) is not None:
            if taken:
                mine = _messages().filter(lease_token=token).order_by("-priority", "due_at", "pk")
                return Claim(token, list(mine), on_trial=standing.on_trial)
    return None


@dataclass(frozen=True, slots=True)
class _Queue:
    """
    Messages that may be claimed, in their order; the lease by which nobody has taken them since; how many
    at once; and what is then written to them.
    """

    messages: MessageQuerySet
    lease: Q
    limit: int = BATCH
    values: dict[str, Any] = field(default_factory=dict)


def _queues(now: datetime, standing: Paused) -> Iterator[_Queue]:
    """
    Each is read in the order of an index: a claim costs the same before a hundred mails and a million, and
    MariaDB, which locks every row that it reads, locks none that another worker could take.
    """
    if standing.everything:
        return
    # A kind of email that this code does not know (yet) waits for newer code.
    kinds = {email_class.key for email_class in emails} - standing.keys
    due = _messages().filter(email_key__in=kinds, due_at__lte=now)
    without, ended = Q(lease_until__isnull=True), Q(lease_until__lte=now)
    for status in WAITING:
        for priority in _priorities(status):
            fresh = due.filter(without, status=status, priority=priority)
            yield _Queue(fresh.order_by("due_at"), lease=without)
    left = due.filter(ended, status__in=WAITING, lease_token__isnull=False)
    in_order = left.order_by("abandoned", "-priority", "due_at")
    yield _Queue(in_order, lease=ended, limit=1, values={"abandoned": F("abandoned") + 1})


def _priorities(status: MessageStatus) -> Iterator[int]:
    """Those that messages have, from the highest; each is one look into the index."""
    rows = _messages().filter(status=status)
    priority = rows.aggregate(highest=Max("priority"))["highest"]
    while priority is not None:
        yield priority
        priority = rows.filter(priority__lt=priority).aggregate(highest=Max("priority"))["highest"]


@persistent
def _take(token: UUID, queue: _Queue) -> int | None:
    """How many of those chosen nobody else was quicker to take; ``None``: there was nothing to choose."""
    alias = conf.current().DATABASE
    # On SQLite a transaction that begins by reading may be refused its first write.
    lockable = connections[alias].features.has_select_for_update_skip_locked
    with transaction.atomic(using=alias) if lockable else nullcontext():
        # The guard in the UPDATE is what makes a claim exclusive; skipping locked rows only
        # keeps workers from waiting for each other.
        rows = queue.messages.select_for_update(skip_locked=True) if lockable else queue.messages
        chosen = list(rows.values_list("pk", flat=True)[: queue.limit])
        if not chosen:
            return None
        return (
            _messages()
            # Not the bare column: SQLite would look for it in an index, and read all that wait.
            .alias(standing=Coalesce("status", Value("")))
            .filter(queue.lease, pk__in=chosen, standing__in=WAITING, due_at__lte=clock.now())
            .update(
                lease_token=token,
                lease_until=clock.now() + conf.current().LEASE,
                open_key=None,
                **queue.values,
            )
        )


@persistent
def recover() -> int:
    """
    Messages whose worker vanished while they were in the air become ``uncertain``: due again under
    ``UNCERTAIN_POLICY = "resend"``, ``held`` under ``"hold"``.

    Returns:
        how many there were.
    """
    now = clock.now()
    resend = conf.current().UNCERTAIN_POLICY == "resend"
    return (
        _messages()
        .abandoned(now)
        .update(
            status=MessageStatus.UNCERTAIN if resend else MessageStatus.HELD,
            uncertain_at=Coalesce(F("uncertain_at"), now),
            attempts=F("attempts") + 1,
            due_at=now,
            lease_token=None,
            lease_until=None,
            last_error="the worker vanished while it sent this mail, which may have arrived (RFC 1047)",
        )
    )


def _messages() -> MessageQuerySet:
    return Message.objects.using(conf.current().DATABASE)
