"""
The ledger: what happened, who hears of it, the mails, receivers to call, what triggers have seen, pauses, and
what people want.
"""

from notifyaudit.models.event import AuditEvent
from notifyaudit.models.message import Message, MessageStatus
from notifyaudit.models.notification import Notification, Reason, SkipReason
from notifyaudit.models.pause import Pause
from notifyaudit.models.preference import Preference
from notifyaudit.models.sighting import Sighting
from notifyaudit.models.signal_call import SignalCall, SignalCallStatus
from notifyaudit.models.subscription import Subscription

__all__ = [
    "AuditEvent",
    "Message",
    "MessageStatus",
    "Notification",
    "Pause",
    "Preference",
    "Reason",
    "Sighting",
    "SignalCall",
    "SignalCallStatus",
    "SkipReason",
    "Subscription",
]
