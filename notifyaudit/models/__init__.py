"""The ledger: what happened, who hears of it, and the mails."""

from notifyaudit.models.event import AuditEvent
from notifyaudit.models.message import Message, MessageStatus
from notifyaudit.models.notification import Notification, Reason, SkipReason

__all__ = ["AuditEvent", "Message", "MessageStatus", "Notification", "Reason", "SkipReason"]
