"""The outbox of a test: its questions, their twins for async tests, its clock and its failing mail server."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Self, Unpack

from asgiref.sync import sync_to_async

from notifyaudit import clock, transport, undefined
from notifyaudit.addresses import envelope
from notifyaudit.frequency import Frequency
from notifyaudit.models import AuditEvent
from notifyaudit.testing.criteria import Criteria, LedgerCriteria
from notifyaudit.testing.email import SentEmail
from notifyaudit.testing.outgoing import OutgoingEmail
from notifyaudit.testing.questions import Questions
from notifyaudit.testing.recorded import EventCriteria
from notifyaudit.testing.report import report
from notifyaudit.testing.server import PHASES, Fault, Phase
from notifyaudit.testing.wanted import EmailClass


class AuditOutbox(Questions):
    """What the library would have sent to whom: ask it, move its clock on, let its mail server fail."""

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        """For one test: at its end the clock is right again, and mails leave as before."""
        outbox = cls()
        # Also what the code under test sends by itself, with a sweep of its own, goes to this server.
        with clock.travelling(), transport.replaced(outbox._server.transport), undefined.forbidden():
            yield outbox

    def catch_up(self) -> None:
        """
        Do what workers would have done by now: call the receivers of reliable signals, route, send. Every
        question about mails does this first; :meth:`recorded` does not.

        Raises:
            AssertionError: if a receiver raised, with what it raised; also as from every question.
        """
        __tracebackhide__ = True
        seen = self._look()
        if seen.failed_calls:
            raise AssertionError(report("a receiver of a reliable signal failed", seen))

    def advance(self, delta: timedelta) -> None:
        """
        Move the library's clock on: mails that wait become due, leases end. What was recorded until now is
        told as of now, as production would have. The clock goes on from whatever time it is, also from one
        that freezegun or time-machine has set; those move your own code's clock too.

        Raises:
            ValueError: for a step back.
            AssertionError, SynchronousOnlyOperation: as from every question.
        """
        __tracebackhide__ = True
        self._catch_up()
        clock.advance(delta)

    def close_digests(self, frequency: Frequency | str | None = None) -> Questions:
        """
        Move the library's clock on until the digests leave that wait now: of this frequency, or all.

        Returns:
            the same questions about what left then: ``close_digests(Frequency.DAILY).one(to=watcher)``.

        Raises:
            ValueError: if there is no such frequency.
        """
        __tracebackhide__ = True
        wanted = {Frequency(frequency)} if frequency is not None else set(Frequency) - {Frequency.IMMEDIATE}
        waiting = [email.message for email in self.waiting() if email.message.frequency in wanted]
        closed = self._from_now_on()
        if waiting:
            latest = max(message.due_at for message in waiting)
            clock.advance(max(latest - clock.now(), timedelta(0)))
        return closed

    def smtp_fails(
        self,
        with_code: int | None = 451,
        times: int | None = 1,
        *,
        at: Phase = "rcpt",
        to: str | None = None,
    ) -> None:
        """
        Have the mail server refuse the next mails, so that you see what becomes of them.

        Args:
            with_code: its reply: 4xx to try again later, 5xx for good (RFC 5321, section 4.2.1). ``None``: it
                hangs up without a word; after the end of the mail it has taken it all the same.
            times: how often, ``None`` for ever.
            at: where: ``"connect"``, ``"mail"``, ``"rcpt"``, ``"data"``, or ``"end"``, after the mail.
            to: only mails to this address; a server hears it at ``"rcpt"``.

        Raises:
            TypeError: if ``to`` is no address.
            ValueError: if no server could do that.
        """
        __tracebackhide__ = True
        if at not in PHASES:
            raise ValueError(f"at={at!r} is no phase of SMTP; known are {', '.join(PHASES)}.")
        if with_code is not None and not 400 <= with_code < 600:  # noqa: PLR2004 - RFC 5321, section 4.2.1
            raise ValueError(f"with_code={with_code} is no failure: give 4xx, 5xx, or None to hang up.")
        if times is not None and times < 1:
            raise ValueError(f"times={times} is never: give at least 1, or None for ever.")
        if not isinstance(to, str | None):
            raise TypeError(f"smtp_fails() takes an address as to, which is all a server knows; not {to!r}.")
        if to is not None and at in {"connect", "mail"}:
            raise ValueError(f"at={at!r} comes before the server knows to whom; leave out to={to!r}.")
        self._server.faults.append(
            Fault(at=at, code=with_code, left=times, to=None if to is None else envelope(to))
        )

    def smtp_works(self) -> None:
        """The mail server takes everything again."""
        self._server.faults.clear()

    async def acatch_up(self) -> None:
        """:meth:`catch_up` for async tests."""
        await sync_to_async(self.catch_up)()

    async def aadvance(self, delta: timedelta) -> None:
        """:meth:`advance` for async tests."""
        await sync_to_async(self.advance)(delta)

    async def aclose_digests(self, frequency: Frequency | str | None = None) -> Questions:
        """:meth:`close_digests` for async tests."""
        return await sync_to_async(self.close_digests)(frequency)

    async def aone(self, email_class: EmailClass = None, **criteria: Unpack[Criteria]) -> SentEmail:
        """:meth:`one` for async tests."""
        return await sync_to_async(self.one)(email_class, **criteria)

    async def alast(self, email_class: EmailClass = None, **criteria: Unpack[Criteria]) -> SentEmail:
        """:meth:`last` for async tests."""
        return await sync_to_async(self.last)(email_class, **criteria)

    async def aall(self, email_class: EmailClass = None, **criteria: Unpack[Criteria]) -> list[SentEmail]:
        """:meth:`all` for async tests."""
        return await sync_to_async(self.all)(email_class, **criteria)

    async def awaiting(
        self, email_class: EmailClass = None, **criteria: Unpack[LedgerCriteria]
    ) -> list[OutgoingEmail]:
        """:meth:`waiting` for async tests."""
        return await sync_to_async(self.waiting)(email_class, **criteria)

    async def arecorded(
        self, action: str | None = None, **criteria: Unpack[EventCriteria]
    ) -> list[AuditEvent]:
        """:meth:`recorded` for async tests."""
        return await sync_to_async(self.recorded)(action, **criteria)

    async def aassert_not_sent(
        self, email_class: EmailClass = None, *, because: str | None = None, **criteria: Unpack[Criteria]
    ) -> None:
        """:meth:`assert_not_sent` for async tests."""
        await sync_to_async(self.assert_not_sent)(email_class, because=because, **criteria)

    async def aassert_nothing_sent(self) -> None:
        """:meth:`assert_nothing_sent` for async tests."""
        await sync_to_async(self.assert_nothing_sent)()

    async def aassert_no_more(self) -> None:
        """:meth:`assert_no_more` for async tests."""
        await sync_to_async(self.assert_no_more)()

    async def aclear(self) -> None:
        """:meth:`clear` for async tests."""
        await sync_to_async(self.clear)()
