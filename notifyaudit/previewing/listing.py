"""Every kind of mail there is, by app, and whether it can be looked at."""

from dataclasses import dataclass

from notifyaudit.actions import known
from notifyaudit.choosing.kinds import by_app
from notifyaudit.emails import AuditEmail
from notifyaudit.patterns import is_pattern
from notifyaudit.previewing.faults import Fault, fault_of
from notifyaudit.previewing.finding import sample_of
from notifyaudit.previewing.guard import reading_only
from notifyaudit.registry import emails


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    Args:
        email_class: the kind of mail.
        actions: each action or pattern, and what the action is called.
        has_preview: whether it makes a mail up by itself.
        fault: what its ``preview()`` raised.
    """

    email_class: type[AuditEmail]
    actions: list[tuple[str, str]]
    has_preview: bool
    fault: Fault | None


def entries() -> list[tuple[str, list[Entry]]]:
    """All of them, under the names of their apps, by label; digests too."""
    classes = sorted(emails, key=lambda each: (str(each.label).casefold(), each.key))
    return [(name, [entry_of(each) for each in group]) for name, group in by_app(classes).items()]


def entry_of(email_class: type[AuditEmail]) -> Entry:
    """One of them."""
    has_preview, fault = False, None
    try:
        with reading_only() as refused:
            has_preview = sample_of(email_class) is not None
    except Exception as error:  # noqa: BLE001 - a project's own code, whose error is what we are to show
        fault = fault_of(error)
    if fault is None and refused:
        fault = Fault(text=refused[0])
    return Entry(
        email_class=email_class,
        actions=[
            (action, "" if is_pattern(action) else known.label(action))
            for action in map(str, email_class.actions)
        ],
        has_preview=has_preview,
        fault=fault,
    )
