"""What the processes do that a run starts and kills. Each function is the whole life of one process."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from notifyaudit import Frequency, record, subscribe
from notifyaudit.models import AuditEvent, Notification
from tests.acceptance.faults import plan, windows
from tests.acceptance.faults.deeds.actions import DeedAction
from tests.acceptance.faults.deeds.models import Deed
from tests.acceptance.faults.fuses import Fuse, deeds_allowed, passing

PAUSE_SECONDS = 0.2
_LATE_SECONDS = 2
_MANY_ROWS = 3


class Undone(Exception):
    """What an application raises to roll back."""


def sweep(*, once: bool = False) -> None:
    call_command("notifyaudit", "sweep", *([] if once else ["--loop", str(PAUSE_SECONDS)]))


def sweep_once() -> None:
    sweep(once=True)


def worker() -> None:
    call_command("db_worker", interval=PAUSE_SECONDS, startup_delay=False, reload=False)


def producer(seed: int, mails: int, readers: int, first: int, step: int) -> None:
    """Do every ``step``-th deed, beginning with the ``first`` that is not done yet."""
    action = DeedAction.NOTED if readers else DeedAction.DONE
    for deed in plan.deeds(seed, mails, readers)[first::step]:
        while deed.number > deeds_allowed():
            time.sleep(PAUSE_SECONDS)
        while not _did(deed, action):
            connection.close()
            time.sleep(PAUSE_SECONDS)


def _did(deed: plan.Deed, action: DeedAction) -> bool:
    # The connection may be cut while we commit: then only the table knows whether it happened.
    try:
        if not Deed.objects.filter(pk=deed.number).exists():
            _do(deed, action)
    except (OperationalError, InterfaceError):
        return False
    return True


def _do(deed: plan.Deed, action: DeedAction) -> None:
    with suppress(Undone), transaction.atomic():
        # Before record() adds its own hook: the commit has happened, the wake-up never will.
        transaction.on_commit(lambda: passing(Fuse.COMMITTED))
        if deed.fate is plan.Fate.RETRIED:
            with suppress(Undone), transaction.atomic():
                _record(deed, action, undone=True)
                raise Undone
        event = _record(deed, action, undone=deed.fate is plan.Fate.UNDONE)
        if deed.fate is plan.Fate.UNDONE:
            raise Undone
        if deed.fate is plan.Fate.LATE:
            _wait_to_be_overtaken(event)


def _wait_to_be_overtaken(event: AuditEvent) -> None:
    """Until a digest has been closed that tells of a later event, if that happens soon."""
    if connection.vendor == "sqlite":
        return  # nobody else can commit meanwhile
    told = Notification.objects.filter(event_id__gt=event.pk, message__open_key__isnull=True)
    ends_at = time.monotonic() + _LATE_SECONDS
    while time.monotonic() < ends_at and not told.exists():
        time.sleep(PAUSE_SECONDS)


def _record(deed: plan.Deed, action: DeedAction, *, undone: bool) -> AuditEvent:
    target = Deed.objects.create(number=deed.number, recipients=deed.recipients)
    data = {"deed": deed.number, "users": deed.users, "addresses": deed.addresses, "undone": undone}
    return record(action, target=target, data=data)


def create_users() -> None:
    User.objects.bulk_create(
        User(pk=number, username=f"user{number}", email=plan.user_address(number))
        for number in range(1, plan.USERS + 1)
    )


def subscribe_watchers() -> None:
    for address in plan.WATCHERS:
        subscribe(address, DeedAction.NOTED, frequency=Frequency.DAILY)


def watch_statements() -> None:
    """Let every statement of this process be an instant at which it may die."""

    def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
        # The same wrapper object remains when it connects again.
        if _statement not in connection.execute_wrappers:
            connection.execute_wrappers.append(_statement)

    connection_created.connect(watch, weak=False)


def _statement(execute: Callable, sql: str, *arguments: Any) -> object:
    passing(Fuse.BEFORE_STATEMENT)
    result = execute(sql, *arguments)
    *_, context = arguments
    if sql.startswith("UPDATE") and "message" in sql and context["cursor"].rowcount > _MANY_ROWS:
        passing(Fuse.CLAIMED)
    passing(Fuse.AFTER_STATEMENT)
    return result


ROLES = {
    "sweep": sweep,
    "sweep_once": sweep_once,
    "worker": worker,
    "producer": producer,
    "clock": windows.pass_time,
}


def live(role: str, arguments: list) -> int:
    """The exit code of a process that has this role."""
    watch_statements()
    try:
        ROLES[role](*arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except Exception:
        logging.getLogger(__name__).exception("%s ended by an error", role)
        return 1
    return 0
