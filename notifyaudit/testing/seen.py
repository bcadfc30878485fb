"""All that a question is answered from: the mails that the server took, and the ledger."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from notifyaudit import conf
from notifyaudit.models import SignalCall
from notifyaudit.testing.email import SentEmail
from notifyaudit.testing.ledger import Ledger
from notifyaudit.testing.server import Accepted
from notifyaudit.testing.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Seen:
    """The mails in the order they left, the ledger, and the calls of signals' receivers that failed."""

    sent: Sequence[SentEmail]
    ledger: Ledger
    failed_calls: Sequence[SignalCall] = ()

    @classmethod
    def of(
        cls, accepted: Sequence[Accepted], ledger: Ledger, cleared: Collection[tuple[int, int]] = ()
    ) -> Self:
        """
        Bring the two together by the Message-ID.

        Args:
            accepted: what the mail server has taken.
            ledger: what was read of it.
            cleared: failures of calls that are not asked about, as :meth:`failures` gives them.
        """
        calls = SignalCall.objects.using(conf.current().DATABASE)
        known = {email.message.message_id: email for email in ledger.emails()}
        # A mail that the ledger does not have: its event was rolled back to a savepoint after a question.
        return cls(
            [SentEmail(mail, known[mail.message_id]) for mail in accepted if mail.message_id in known],
            ledger,
            [
                call
                for call in calls.exclude(last_error="").order_by("pk")
                if (call.pk, call.attempts) not in cleared
            ],
        )

    def failures(self) -> set[tuple[int, int]]:
        """The calls that failed, each with the number of the attempt."""
        return {(call.pk, call.attempts) for call in self.failed_calls}

    def has_failures(self) -> bool:
        """Whether a mail, an email class or a receiver failed."""
        return self.ledger.has_failures() or bool(self.failed_calls)

    def meant(self, wanted: Wanted) -> list[SentEmail]:
        """Those mails that a question is about."""
        return [email for email in self.sent if wanted.means(email)]
