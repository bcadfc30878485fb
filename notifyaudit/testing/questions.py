"""The questions of a test: what was sent to whom, and of those who were not told, why."""

from contextlib import suppress
from copy import copy
from typing import Unpack

from django.db import transaction
from django.utils.asyncio import async_unsafe

from notifyaudit import conf, intake, tasks, transport
from notifyaudit.failures import NoConnection
from notifyaudit.models import AuditEvent, MessageStatus
from notifyaudit.testing.coverage import coverage
from notifyaudit.testing.criteria import Criteria, LedgerCriteria
from notifyaudit.testing.email import SentEmail
from notifyaudit.testing.ledger import REASONS, TROUBLES, Ledger, reasons_of
from notifyaudit.testing.outgoing import OutgoingEmail
from notifyaudit.testing.recorded import EventCriteria, check, matches
from notifyaudit.testing.report import report, table
from notifyaudit.testing.seen import Seen
from notifyaudit.testing.server import MemoryServer
from notifyaudit.testing.wanted import EmailClass, Wanted

__unittest = True  # what pytest has __tracebackhide__ for: a failure is told of the test's own line


class Questions:
    """
    Each runs the real pipeline first: the wake-up that a worker runs, up to the mail server, which is one in
    memory. So events recorded at any time before the question are in the answer, and what was rolled back is
    not. All take the same criteria; see docs/reference/testing.md.

    Raises:
        AssertionError: from every question, while an ``atomic()`` of the code under test is still open:
            production would not have sent yet. And from another thread than that of the test's transaction.
        django.core.exceptions.SynchronousOnlyOperation: from async code; ask with the twin there: ``aone()``.
    """

    def __init__(self) -> None:
        self._server = MemoryServer()
        self._depth = _transaction_depth()
        self._asserted: set[int] = set()
        self._first_mail = 0
        self._last_event = 0
        self._cleared_failures: set[tuple[int, int]] = set()

    def one(self, email_class: EmailClass = None, **criteria: Unpack[Criteria]) -> SentEmail:
        """The one mail of this class that meets the criteria; fails if there is none, or more."""
        __tracebackhide__ = True
        wanted = Wanted.of("one", email_class, criteria, Criteria)
        seen = self._look()
        found = seen.meant(wanted)
        if len(found) != 1:
            problem = f"expected one {wanted}, but {_were(len(found))} sent"
            raise AssertionError(report(problem, seen, wanted, compared=not found))
        return self._note(found)[0]

    def last(self, email_class: EmailClass = None, **criteria: Unpack[Criteria]) -> SentEmail:
        """The last such mail that left; fails if there is none."""
        __tracebackhide__ = True
        wanted = Wanted.of("last", email_class, criteria, Criteria)
        seen = self._look()
        found = seen.meant(wanted)
        if not found:
            problem = f"expected a {wanted}, but none was sent"
            raise AssertionError(report(problem, seen, wanted, compared=True))
        return self._note(found[-1:])[0]

    def all(self, email_class: EmailClass = None, **criteria: Unpack[Criteria]) -> list[SentEmail]:
        """All such mails, in the order they left; they count as asserted."""
        __tracebackhide__ = True
        wanted = Wanted.of("all", email_class, criteria, Criteria)
        return self._note(self._look().meant(wanted))

    def waiting(
        self, email_class: EmailClass = None, **criteria: Unpack[LedgerCriteria]
    ) -> list[OutgoingEmail]:
        """Such mails that are still to leave, the soonest first: tried again later, or not due yet."""
        __tracebackhide__ = True
        wanted = Wanted.of("waiting", email_class, criteria, LedgerCriteria)
        open_ones = [
            email
            for email in self._look().ledger.emails()
            if email.message.status in {MessageStatus.OPEN, MessageStatus.UNCERTAIN}
            and email.event.pk > self._last_event
        ]
        return sorted(filter(wanted.means, open_ones), key=lambda email: email.due_at)

    def recorded(self, action: str | None = None, **criteria: Unpack[EventCriteria]) -> list[AuditEvent]:
        """The events of this action (or pattern) that meet the criteria, oldest first."""
        __tracebackhide__ = True
        check(action, criteria)
        self._require_end()
        intake.run()
        events = Ledger.read(after=self._last_event).events
        found = [event for event in events if matches(event, action, criteria)]
        for event in found:
            coverage.action(event.action)
        return found

    def assert_not_sent(
        self, email_class: EmailClass = None, *, because: str | None = None, **criteria: Unpack[Criteria]
    ) -> None:
        """
        No such mail was sent, nor tried and failed.

        Args:
            email_class: a class, or a predicate.
            because: the reason that must stand in the ledger: a ``SkipReason``; ``"waiting"`` for a mail that
                is still to leave, ``"bundled"`` if it waits for company, ``"failed"`` for a mail or class
                that raised, ``"uncertain"``, ``"held"`` or ``"cancelled"``; or ``"not_asked"`` if nobody
                thought of this recipient.
        """
        __tracebackhide__ = True
        if because is not None and because not in REASONS:
            raise ValueError(f"because={because!r} is no reason; known are {', '.join(sorted(REASONS))}.")
        wanted = Wanted.of("assert_not_sent", email_class, criteria, Criteria)
        seen = self._look()
        found = seen.meant(wanted)
        rows = list(seen.ledger.decisions(wanted))
        reasons = {reason for row in rows for reason in reasons_of(row)} if rows else {"not_asked"}
        problem = ""
        if found:
            problem = f"expected no {wanted}, but {_were(len(found))} sent"
        elif because is None and not reasons.isdisjoint(TROUBLES):
            problem = f"a {wanted} was not declined but {' and '.join(sorted(reasons & TROUBLES))}"
        elif because is not None and not reasons:
            problem = f"no {wanted}, but another was sent: not because of {str(because)!r}"
        elif because is not None and because not in reasons:
            actual = ", ".join(sorted(reasons))
            problem = f"no {wanted} because of {actual!r}, not {str(because)!r}"
        if problem:
            raise AssertionError(report(problem, seen, wanted))

    def assert_nothing_sent(self) -> None:
        """The library sent no mail at all; none failed, and no receiver of a reliable signal."""
        __tracebackhide__ = True
        seen = self._look()
        if seen.sent or seen.has_failures():
            raise AssertionError(report("expected no mail at all", seen))

    def assert_no_more(self) -> None:
        """
        Every mail that was sent was asked for by :meth:`one`, :meth:`last` or :meth:`all`; none failed, and
        no receiver of a reliable signal.
        """
        __tracebackhide__ = True
        seen = self._look()
        rest = [email for email in seen.sent if id(email.content) not in self._asserted]
        if rest:
            problem = f"{_were(len(rest))} sent that the test did not ask for"
            raise AssertionError(report("\n".join([problem, *table(rest)]), seen))
        if seen.has_failures():
            what = "mails" if seen.ledger.has_failures() else "receivers of reliable signals"
            raise AssertionError(report(f"some {what} failed", seen))

    def clear(self) -> None:
        """
        What happened so far belongs to the arrangement: no later question is about it. A mail that waits
        then is seen when it leaves.
        """
        __tracebackhide__ = True
        seen = self._look()
        self._first_mail = len(self._server.accepted)
        self._last_event = max((event.pk for event in seen.ledger.events), default=self._last_event)
        self._cleared_failures |= seen.failures()

    def _from_now_on(self) -> "Questions":
        """The same questions, about the mails that leave from now on."""
        later = copy(self)
        later._first_mail = len(self._server.accepted)  # noqa: SLF001 - its own class's
        return later

    def _catch_up(self) -> None:
        """Do what production would have done by now."""
        __tracebackhide__ = True
        self._require_end()
        # In production a task that reaches no server fails, and a later one goes on.
        with transport.replaced(self._server.transport), suppress(NoConnection):
            tasks.wake_up.call()

    def _look(self) -> Seen:
        __tracebackhide__ = True
        self._catch_up()
        return Seen.of(
            self._server.accepted[self._first_mail :],
            Ledger.read(after=self._last_event),
            self._cleared_failures,
        )

    def _note(self, found: list[SentEmail]) -> list[SentEmail]:
        self._asserted |= {id(email.content) for email in found}
        for email in found:
            coverage.email(email.email_class.key, (event.action for event in email.events))
        return found

    def _require_end(self) -> None:
        __tracebackhide__ = True
        _require_sync()
        depth = _transaction_depth()
        if depth < self._depth:
            raise AssertionError(
                "This code has another database connection than the test, whose transaction it cannot see: a "
                "thread, an async test, playwright. Mark the test django_db(transaction=True)."
            )
        if depth > self._depth:
            raise AssertionError(
                "The code under test still has a transaction.atomic() open: in production nothing would have "
                "been sent yet. Ask audit_outbox after the block."
            )


@async_unsafe("Ask from async code with the twin of the question: await audit_outbox.aone(…).")
def _require_sync() -> None:
    pass


def _were(count: int) -> str:
    return {0: "none was", 1: "one was"}.get(count, f"{count} were")


def _transaction_depth() -> int:
    connection = transaction.get_connection(conf.current().DATABASE)
    return int(connection.in_atomic_block) + len(connection.savepoint_ids)
