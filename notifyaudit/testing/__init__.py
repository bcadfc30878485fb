"""The test harness: assert outbound mail without sending. See docs/how-to/test-mail.md."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifyaudit.testing.email import SentEmail as SentEmail
    from notifyaudit.testing.lint import EmailLintMixin as EmailLintMixin
    from notifyaudit.testing.lint import Linter as Linter
    from notifyaudit.testing.lint import lint_emails as lint_emails
    from notifyaudit.testing.mixin import AuditOutboxMixin as AuditOutboxMixin
    from notifyaudit.testing.outbox import AuditOutbox as AuditOutbox
    from notifyaudit.testing.outgoing import OutgoingEmail as OutgoingEmail

_HOMES = {
    "AuditOutbox": "outbox",
    "AuditOutboxMixin": "mixin",
    "EmailLintMixin": "lint",
    "Linter": "lint",
    "OutgoingEmail": "outgoing",
    "SentEmail": "email",
    "lint_emails": "lint",
}

__all__ = [
    "AuditOutbox",
    "AuditOutboxMixin",
    "EmailLintMixin",
    "Linter",
    "OutgoingEmail",
    "SentEmail",
    "lint_emails",
]


def __getattr__(name: str) -> Any:
    # Lazily: pytest imports the plugin, and so this package, before Django is set up.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"notifyaudit.testing.{_HOMES[name]}"), name)
