"""
Makes the calls of reliable signals' receivers: which worker makes which, and what becomes of it.

A call is claimed by a lease that is committed before it, so that whoever takes it over after a kill can
count. Then the receiver runs in one transaction with the settling of its row. That transaction begins by
writing to the row, so nobody can take the call over while it goes on, however long that is.
"""

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from contextvars import ContextVar
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import OperationalError, connections, transaction
from django.db.models import Case, F, Value, When

from notifyaudit import clock, compat, conf, naming, stopping
from notifyaudit.contention import gave_way, persistent
from notifyaudit.context import AuditContext, activate
from notifyaudit.exceptions import ObjectGone, RolledBack
from notifyaudit.identity import resolve
from notifyaudit.models import SignalCall, SignalCallStatus
from notifyaudit.models.signal_call import SignalCallQuerySet
from notifyaudit.sources.reliable import ReliableSignal
from notifyaudit.sources.unpacking import loads, loads_sender
from notifyaudit.text import describe
from notifyaudit.waking import request_wake_up

logger = logging.getLogger("notifyaudit")

MOURNED = 5
"""So many workers may vanish while they make a call."""

PATIENCE = timedelta(seconds=30)
"""
After this, and a call of each receiver, mails have their turn before the calls that are left; those are the
next sweep's.
"""

_TURN = 100
"""Calls of one receiver before the next receiver has its turn."""

_missed: set[tuple[str, str]] = set()

_running: ContextVar[bool] = ContextVar("notifyaudit_receivers_running", default=False)


def run_due() -> int:
    """
    Make every call that is due. What raises is tried again by the signal's ``retry``, then kept as
    ``failed``; what this code does not know is left for code that does. What a receiver sends is called too.

    Returns:
        how many receivers ran to their end.
    """
    # A backend that runs tasks at once does so after each commit of a receiver. Whoever runs already goes on.
    if _running.get():
        return 0
    token = _running.set(True)
    try:
        return _run_due()
    finally:
        _running.reset(token)


def _run_due() -> int:
    done, begun = 0, clock.now()
    while waiting := list(_known()):
        made = 0
        for name in waiting:
            # Each has its turn, or one with more calls than can be made would keep all others from theirs.
            for call in _turn(*name, PATIENCE / len(waiting)):
                made += 1
                done += _make(call)
        if not made or stopping.requested():
            break
        if clock.now() - begun >= PATIENCE:
            request_wake_up()
            break
    return done


def _turn(receiver: str, signal: str, share: timedelta) -> Iterator[SignalCall]:
    begun = clock.now()
    for _ in range(_TURN):
        call = None if stopping.requested() else _claim(receiver, signal)
        if call is None:
            return
        yield call
        if clock.now() - begun >= share:
            return


def _known() -> Iterator[tuple[str, str]]:
    """Which receivers of which signals there are calls of, as far as this code has them."""
    for receiver, signal in _calls().names():
        try:
            naming.find_receiver(receiver)
            _signal(signal)
        except naming.NotFound as error:
            if (receiver, signal) not in _missed:
                _missed.add((receiver, signal))
                logger.error(  # noqa: TRY400 - the traceback is importlib's
                    "calls of %s for %s are kept for code that has both: %s",
                    receiver,
                    signal,
                    error,
                )
        else:
            _missed.discard((receiver, signal))
            yield receiver, signal


@persistent
def _claim(receiver: str, signal: str) -> SignalCall | None:
    alias, now, token = conf.current().DATABASE, clock.now(), uuid4()
    lockable = connections[alias].features.has_select_for_update_skip_locked
    due = _calls().due(now).filter(receiver=receiver, signal=signal).order_by("due_at")
    while True:
        # On SQLite a transaction that begins by reading may be refused its first write. The guard in the
        # UPDATE is what makes a claim exclusive; to skip locked rows is not to wait for a running call.
        with transaction.atomic(using=alias) if lockable else nullcontext():
            rows = due.select_for_update(skip_locked=True) if lockable else due
            chosen = rows.values_list("pk", flat=True).first()
            if chosen is None:
                return None
            taken = (
                due.order_by()
                .filter(pk=chosen)
                .update(
                    # First: MariaDB sets one column after the other, and would see the new token.
                    abandoned=Case(When(lease_token__isnull=True, then=Value(0)), default=F("abandoned") + 1),
                    lease_token=token,
                    lease_until=now + conf.current().LEASE,
                )
            )
        if taken:
            return _calls().filter(pk=chosen, lease_token=token).first()


class _Busy(Exception):
    """The row could not be written to, because of somebody else's lock; nothing was called."""


class _Undone(Exception):
    """The database has ended the transaction, and with it whatever was to be written about the call."""


def _make(call: SignalCall) -> bool:
    if call.abandoned > MOURNED:
        error = RuntimeError(f"{call.abandoned} workers vanished while they made this call")
        logger.error("call %s of %s is given up: %s", call.pk, call.receiver, error)
        _write(call, _failure(call, error, for_good=True))
        return False
    try:
        return _run_and_settle(call)
    except _Busy:
        _write(call, {"lease_token": None, "lease_until": None})
    except Exception as error:
        cause = error.__cause__ if isinstance(error, _Undone) and error.__cause__ else error
        logger.exception("call %s of %s", call.pk, call.receiver)
        _write(call, _failure(call, cause))
        # After the commit, it was a function that the receiver gave to on_commit().
        return not _calls().filter(pk=call.pk).exists()
    return False


def _run_and_settle(call: SignalCall) -> bool:
    alias = conf.current().DATABASE
    with transaction.atomic(using=alias):
        if not _hold(call):
            logger.warning("call %s was taken over by another worker: the lease had ended", call.pk)
            return False
        try:
            with transaction.atomic(using=alias):
                _run(call)
        except Exception as error:
            if transaction.get_rollback(using=alias):
                raise _Undone from error
            logger.exception("call %s of %s", call.pk, call.receiver)
            _mine(call).update(**_failure(call, error, for_good=isinstance(error, ObjectGone)))
            return False
        _mine(call).delete()
    logger.info("call %s of %s for %s is done", call.pk, call.receiver, call.signal)
    return True


def _hold(call: SignalCall) -> bool:
    """A row's lock, and on SQLite the database's, until the end of the transaction: see the module."""
    try:
        return bool(_mine(call).update(lease_until=clock.now() + conf.current().LEASE))
    except OperationalError as error:
        if gave_way(error):
            raise _Busy from error
        raise


def _run(call: SignalCall) -> None:
    receiver, signal = naming.find_receiver(call.receiver), _signal(call.signal)
    circumstances = AuditContext(
        get_actor=lambda: _actor(call), get_correlation_id=lambda: call.correlation_id
    )
    with activate(circumstances), compat.correlated(call.correlation_id):
        receiver(signal=signal, sender=loads_sender(call.sender), **loads(call.arguments))
    # Somebody has caught an error, or asked for it; else the savepoint would be undone without a word.
    if transaction.get_rollback(using=conf.current().DATABASE):
        raise RolledBack(call.receiver)


def _actor(call: SignalCall) -> Any:
    user = resolve(conf.user_model(), call.actor_id, conf.current().DATABASE) if call.actor_id else None
    return user or call.actor_repr or None


def _signal(path: str) -> ReliableSignal:
    found: ReliableSignal = naming.find_signal(path)
    return found


@persistent
def _write(call: SignalCall, values: dict[str, Any]) -> None:
    _mine(call).update(**values)


def _failure(call: SignalCall, error: BaseException, *, for_good: bool = False) -> dict[str, Any]:
    now, pause = clock.now(), None if for_good else _signal(call.signal).retry.pause(call.attempts + 1)
    return {
        "status": SignalCallStatus.FAILED if pause is None else SignalCallStatus.OPEN,
        "due_at": now if pause is None else now + pause,
        "attempts": call.attempts + 1,
        "abandoned": 0,
        "last_error": describe(error),
        "lease_token": None,
        "lease_until": None,
    }


def _mine(call: SignalCall) -> SignalCallQuerySet:
    return _calls().filter(pk=call.pk, lease_token=call.lease_token)


def _calls() -> SignalCallQuerySet:
    return SignalCall.objects.using(conf.current().DATABASE)
