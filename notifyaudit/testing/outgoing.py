"""A mail that waits in the ledger, not rendered yet, with what can be asked about it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Model

from notifyaudit.digests import DigestEmail
from notifyaudit.emails import AuditEmail
from notifyaudit.models import AuditEvent, Message, Notification, Reason
from notifyaudit.testing.introspection import Mail


class OutgoingEmail(Mail):
    """
    A mail of the ledger, not rendered yet.

    Attributes:
        message: the ledger's row.
        email_class: the class that makes it.
        notifications: the rows of those who are told by it of what, in the order in which they joined.
    """

    def __init__(
        self, message: Message, email_class: type[AuditEmail], notifications: Sequence[Notification]
    ) -> None:
        self.message = message
        self.email_class = email_class
        self.notifications = notifications

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        due = f"due {self.due_at:%Y-%m-%d %H:%M:%S}"
        return f"<{self._name}: {self.message.get_status_display()}, {due}>"

    @property
    def _name(self) -> str:
        return f"{self.email_class.__name__} to {', '.join(self.to)}"

    @property
    def _identity(self) -> object:
        return self.message

    @property
    def events(self) -> list[AuditEvent]:
        """What it is about, oldest first."""
        return [notification.event for notification in self.notifications]

    @property
    def event(self) -> AuditEvent:
        """The newest event that it is about."""
        return self.events[-1]

    @property
    def recipient(self) -> Any:
        """The user; ``None`` for a plain address."""
        return self.notifications[-1].recipient

    @property
    def address(self) -> str:
        """Where it goes: the user's address as of now, or the plain address."""
        if self.recipient is None:
            return self.message.address
        return getattr(self.recipient, self.recipient.get_email_field_name()) or ""

    @property
    def to(self) -> list[str]:
        """The addresses that it is for."""
        return [self.address]

    def net_changes(self, target: Model) -> dict[str, tuple[Any, Any]]:
        """What the mail says of an object: ``{field: (old, new)}``, as stored; empty if nothing is left."""
        told = [row for row in self.notifications if not row.skip_reason]
        if not told:
            return {}
        email = self.email_class.for_message(
            self.message,
            events=list({row.event_id: row.event for row in told}.values()),
            recipient=self.recipient,
            address=self.address,
            reason=self.reason,
        )
        if isinstance(email, DigestEmail):
            email.told_by = {row.event_id: row.email_key for row in told}
        return email.net_changes(target)

    @property
    def reason(self) -> Reason:
        """Why the recipient is told."""
        return Reason(self.notifications[-1].reason)

    @property
    def due_at(self) -> datetime:
        """When it may leave."""
        return self.message.due_at
