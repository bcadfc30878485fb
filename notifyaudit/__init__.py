"""
Transactional, class-based email notifications for audited events.

Names are imported when first used (PEP 562): importing ``notifyaudit`` loads no models, so that it may be
done before Django is set up.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifyaudit.actions import Action as Action
    from notifyaudit.context import audit_context as audit_context
    from notifyaudit.digests import DigestEmail as DigestEmail
    from notifyaudit.emails import AuditEmail as AuditEmail
    from notifyaudit.forgotten import unaudited_counts as unaudited_counts
    from notifyaudit.frequency import Frequency as Frequency
    from notifyaudit.marking import audited as audited
    from notifyaudit.marking import unaudited as unaudited
    from notifyaudit.recording import arecord as arecord
    from notifyaudit.recording import record as record
    from notifyaudit.recording import record_many as record_many
    from notifyaudit.retry import RetryPolicy as RetryPolicy
    from notifyaudit.subscribing import mute as mute
    from notifyaudit.subscribing import subscribe as subscribe
    from notifyaudit.subscribing import unsubscribe as unsubscribe
    from notifyaudit.threads import thread_id as thread_id
    from notifyaudit.tracking import track as track

__version__ = "0.1.0"

_HOME = {
    "Action": "actions",
    "AuditEmail": "emails",
    "DigestEmail": "digests",
    "Frequency": "frequency",
    "RetryPolicy": "retry",
    "arecord": "recording",
    "audit_context": "context",
    "audited": "marking",
    "mute": "subscribing",
    "record": "recording",
    "record_many": "recording",
    "subscribe": "subscribing",
    "thread_id": "threads",
    "track": "tracking",
    "unaudited": "marking",
    "unaudited_counts": "forgotten",
    "unsubscribe": "subscribing",
}

__all__ = [
    "Action",
    "AuditEmail",
    "DigestEmail",
    "Frequency",
    "RetryPolicy",
    "arecord",
    "audit_context",
    "audited",
    "mute",
    "record",
    "record_many",
    "subscribe",
    "thread_id",
    "track",
    "unaudited",
    "unaudited_counts",
    "unsubscribe",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
