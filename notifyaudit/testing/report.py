"""What a failed assertion prints: the nearest mail, all mails, and what the ledger says of the others."""

import os
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from notifyaudit.models import MessageStatus, Notification, SignalCall
from notifyaudit.registry import emails
from notifyaudit.testing.email import SentEmail
from notifyaudit.testing.introspection import shortened, visible
from notifyaudit.testing.ledger import Ledger
from notifyaudit.testing.nearest import nearest
from notifyaudit.testing.seen import Seen
from notifyaudit.testing.wanted import ANY, Wanted, recipient

_ROWS = 20
"""Of a table. Who has more mails than that looks for the nearest one."""

_SUBJECT, _ADDRESSES = 60, 40
"""Columns of the table."""


def report(problem: str, seen: Seen, wanted: Wanted = ANY, *, compared: bool = False) -> str:
    """
    Args:
        problem: what is wrong, in a sentence.
        seen: what there is.
        wanted: what the question asked for.
        compared: show the mail that comes next to it, and in what it differs.
    """
    sections = [
        [problem],
        nearest(seen.sent, wanted) if compared else [],
        ["sent:", *table(seen.sent)],
        _not_sent(seen.ledger, wanted),
        _failed_calls(seen.failed_calls),
        _hints(seen.ledger, wanted),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section)


def table(sent: Sequence[SentEmail]) -> list[str]:
    """The mails as a short table."""
    if not sent:
        return ["  (nothing)"]
    # To build a line of each means to read each.
    rows = [
        (email.email_class.__name__, _short(", ".join(email.to), _ADDRESSES), _short(email.subject, _SUBJECT))
        for email in sent[: _ROWS + 1]
    ]
    names, addresses = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"  {name:<{names}}  {to:<{addresses}}  {subject}" for name, to, subject in rows]
    return shortened(lines, "mails", _ROWS, of=len(sent))


def _short(text: str, width: int) -> str:
    return visible(text if len(text) <= width else f"{text[: width - 1]}…")


def _not_sent(ledger: Ledger, wanted: Wanted) -> list[str]:
    about = wanted.only({"to"})
    lines = [line for row in ledger.decisions(replace(about, email_class=None)) for line in _decision(row)]
    return ["not sent:", *shortened(lines, "of them", _ROWS)] if lines else []


def _decision(row: Notification) -> Iterator[str]:
    known = emails.get(row.email_key)
    kind = known.__name__ if known else row.email_key
    who = recipient(row.recipient) if row.recipient else _address(row)
    message = row.message
    if row.skip_reason:
        yield f"  {kind} to {who}: {row.skip_reason} ({row.get_skip_reason_display()})"
    elif row.error:
        yield f"  {kind} to {who}: failed: {_from_here(row.error)}"
    elif message is not None and message.last_error:
        yield f"  {kind} to {who}: {_standing(row)}: {_from_here(message.last_error)}"
    elif message is not None and message.status != MessageStatus.SENT:
        yield f"  {kind} to {who}: {_standing(row)}"


def _failed_calls(calls: Sequence[SignalCall]) -> list[str]:
    lines = [f"  {call.receiver}: {_from_here(call.last_error)}" for call in calls]
    return ["receivers that failed:", *shortened(lines, "of them", _ROWS)] if lines else []


def _address(row: Notification) -> str:
    return row.address or row.recipient_key or "whoever it names"


def _from_here(error: str) -> str:
    # Where somebody keeps the project and the packages says nothing about what went wrong.
    places = {str(Path.cwd()), *(sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib"))}
    for place in sorted(places, key=len, reverse=True):
        error = error.replace(f"{place}{os.sep}", "")
    return error


def _standing(row: Notification) -> str:
    message: Any = row.message
    if message.status in {MessageStatus.OPEN, MessageStatus.UNCERTAIN}:
        standing = "waiting" if message.status == MessageStatus.OPEN else str(message.status)
        return f"{standing}, due {message.due_at:%Y-%m-%d %H:%M:%S}"
    return str(message.status)


def _hints(ledger: Ledger, wanted: Wanted) -> list[str]:
    if not ledger.events:
        return ["no event was recorded, or it was rolled back"]
    actions = list(dict.fromkeys(event.action for event in ledger.events))
    hints = shortened([_hint(action) for action in actions], "actions", _ROWS)
    if "to" in wanted.criteria and next(ledger.decisions(wanted.only({"to"})), None) is None:
        return [f"no class named {recipient(wanted.criteria['to'])}:", *hints]
    return [] if ledger.notifications else ["no class named anybody:", *hints]


def _hint(action: str) -> str:
    classes = [email_class.__name__ for email_class in emails.for_action(action)]
    if not classes:
        return f"  {action} is among the actions of no email class"
    return f"  {action} was put to {', '.join(classes)}"
