"""The test harness: assert outbound mail without sending. See docs/how-to/test-mail.md."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifyaudit.testing.outbox import AuditOutbox as AuditOutbox
    from notifyaudit.testing.outbox import SentEmail as SentEmail

__all__ = ["AuditOutbox", "SentEmail"]


def __getattr__(name: str) -> Any:
    # Lazily: pytest imports the plugin, and so this package, before Django is set up.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("notifyaudit.testing.outbox"), name)
