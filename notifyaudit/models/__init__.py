"""The ledger: what happened, who hears of it, the mails, and what is paused."""

from notifyaudit.models.event import AuditEvent
from notifyaudit.models.message import Message, MessageStatus
from notifyaudit.models.notification import Notification, Reason, SkipReason
from notifyaudit.models.pause import Pause

__all__ = ["AuditEvent", "Message", "MessageStatus", "Notification", "Pause", "Reason", "SkipReason"]
