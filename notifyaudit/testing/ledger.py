"""What the ledger holds at the moment of a question, read at once: there is no query for each mail."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from django.contrib.auth import get_user_model

from notifyaudit import conf
from notifyaudit.frequency import Frequency
from notifyaudit.identity import id_of, key_from
from notifyaudit.models import AuditEvent, Message, MessageStatus, Notification, SkipReason
from notifyaudit.models.event import look_up_together
from notifyaudit.registry import emails
from notifyaudit.testing.criteria import LedgerCriteria
from notifyaudit.testing.outgoing import OutgoingEmail
from notifyaudit.testing.wanted import Wanted

_OF_EVENTS = frozenset({"event", "action", "target"})
_OF_DECISIONS = _OF_EVENTS | {"to", "reason"}

_STANDINGS = {
    MessageStatus.OPEN: "waiting",
    MessageStatus.SENDING: "waiting",
    MessageStatus.FAILED: "failed",
    MessageStatus.UNCERTAIN: "uncertain",
    MessageStatus.HELD: "held",
    MessageStatus.CANCELLED: "cancelled",
}

REASONS = frozenset({*SkipReason.values, *_STANDINGS.values(), "bundled", "not_asked"})
"""What can be said about a mail that was not sent."""


TROUBLES = frozenset({"failed", "uncertain", "held"})
"""Of these, those that are no decision."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """
    The events of a test and the decisions about them, oldest first, with all that belongs to them.

    Attributes:
        earlier: the decisions about events that are no longer of interest. Their mails are, when they leave.
    """

    events: Sequence[AuditEvent]
    notifications: Sequence[Notification]
    earlier: Sequence[Notification]

    @classmethod
    def read(cls, *, after: int = 0) -> Self:
        """
        Args:
            after: the events up to this id are no longer of interest.
        """
        alias = conf.current().DATABASE
        events = list(AuditEvent.objects.using(alias).order_by("pk"))
        look_up_together(events)
        by_id = {event.pk: event for event in events}
        found = Notification.objects.using(alias).select_related("message").order_by("pk")
        rows = [row for row in found if row.event_id in by_id]
        user_model = get_user_model()
        keys = {key_from(user_model, row.recipient_id) for row in rows if row.recipient_id} - {None}
        users = {id_of(user): user for user in user_model._base_manager.using(alias).filter(pk__in=keys)}
        for row in rows:
            row.event = by_id[row.event_id]
            row.recipient = users.get(row.recipient_id)
        return cls(
            [event for event in events if event.pk > after],
            [row for row in rows if row.event_id > after],
            [row for row in rows if row.event_id <= after],
        )

    def emails(self) -> list[OutgoingEmail]:
        """The mails there are, sent or not, of the kinds that are known."""
        of_message: dict[Message, list[Notification]] = defaultdict(list)
        for row in (*self.earlier, *self.notifications):
            if row.message is not None:
                of_message[row.message].append(row)
        found = ((message, emails.get(message.email_key), rows) for message, rows in of_message.items())
        return [OutgoingEmail(message, known, rows) for message, known, rows in found if known is not None]

    def decisions(self, wanted: Wanted) -> Iterator[Notification]:
        """The rows that are about what is wanted, as far as it can be asked before a mail is rendered."""
        of_mails = wanted.only(LedgerCriteria.__annotations__)
        # Who is not told has no mail that could be due.
        of_decisions = wanted.only(_OF_DECISIONS)
        # A class that could not name its recipients may have meant anybody.
        of_events = wanted.only(_OF_EVENTS)
        for row in self.notifications:
            known = emails.get(row.email_key)
            if known is None:
                continue
            asked = of_mails if row.message else of_decisions if row.recipient_key else of_events
            message = row.message or Message(address=row.address)
            if asked.means(OutgoingEmail(message, known, [row])):
                yield row

    def has_failures(self) -> bool:
        """Whether any class or any mail has raised, or was refused, or nobody knows."""
        return any(not reasons_of(row).isdisjoint(TROUBLES) for row in self.notifications)


def _waits_for_company(message: Message) -> bool:
    return message.open_key is not None and message.frequency == Frequency.IMMEDIATE


def reasons_of(row: Notification) -> set[str]:
    """Why this one is not told, or not yet; of ``REASONS``."""
    reasons = {row.skip_reason} if row.skip_reason else set()
    message = row.message
    if message is not None and message.status in _STANDINGS and not reasons:
        reasons.add(_STANDINGS[MessageStatus(message.status)])
        if _waits_for_company(message):
            reasons.add("bundled")
    if row.error or (message is not None and message.last_error and reasons.isdisjoint(TROUBLES)):
        reasons.add("failed")
    return reasons
