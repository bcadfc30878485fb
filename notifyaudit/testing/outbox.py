"""All mails of a test: what was sent to whom, and of those who were not told, why."""

import copy
from collections.abc import Iterator
from typing import Any, NoReturn

from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import transaction
from django.db.models import QuerySet

from notifyaudit import conf
from notifyaudit.emails import AuditEmail
from notifyaudit.identity import id_of
from notifyaudit.models import Message, MessageStatus, Notification, SkipReason
from notifyaudit.recipients import Recipient
from notifyaudit.registry import emails
from notifyaudit.tasks import sweep
from notifyaudit.testing.email import SentEmail

__all__ = ["AuditOutbox", "SentEmail"]

EmailClass = type[AuditEmail] | None

_REASONS = frozenset({*SkipReason.values, "failed", "not_asked"})


class _MemoryTransport:
    """Where mails end in a test: in ``django.core.mail.outbox``, and in the test's own list."""

    def __init__(self, contents: list[EmailMultiAlternatives]) -> None:
        self._contents = contents

    def send(self, message: EmailMessage) -> None:
        message.message()  # what cannot be serialised must fail here as it would at the server
        if not hasattr(mail, "outbox"):
            mail.outbox = []
        mail.outbox.append(copy.copy(message))
        self._contents.append(message)  # type: ignore[arg-type]

    def close(self) -> None:
        pass


class AuditOutbox:
    """
    Runs the real pipeline whenever it is asked: the sweep that a worker runs, up to the mail server, which
    is a list here. So events recorded at any time before the question are in the answer, and what was rolled
    back is not.

    Raises:
        AssertionError: from every question, while an ``atomic()`` of the code under test is still open:
            production would not have sent yet.
    """

    def __init__(self) -> None:
        self._depth = _transaction_depth()
        self._contents: list[EmailMultiAlternatives] = []
        self._asserted: set[int] = set()

    def one(self, email_class: EmailClass = None, *, to: Any = None) -> SentEmail:
        """
        The one mail of this class to this recipient; exactly one.

        Args:
            email_class: the class or a base of it; any by default.
            to: a user, or an address; anybody by default.
        """
        __tracebackhide__ = True
        found = self.all(email_class, to=to)
        if len(found) != 1:
            wanted = _wanted(email_class, to)
            self._fail(f"expected one mail{wanted}, but {_were(len(found))} sent", email_class, to)
        return found[0]

    def all(self, email_class: EmailClass = None, *, to: Any = None) -> list[SentEmail]:
        """All mails of this class to this recipient, in the order they left; they count as asserted."""
        __tracebackhide__ = True
        found = [email for email in self._emails() if _matches(email, email_class, to)]
        self._asserted |= {email.message.pk for email in found}
        return found

    def assert_not_sent(
        self, email_class: EmailClass = None, *, to: Any = None, because: str | None = None
    ) -> None:
        """
        No such mail was sent, nor tried and failed.

        Args:
            email_class: as in :meth:`one`.
            to: as in :meth:`one`.
            because: the reason that must stand in the ledger: a ``SkipReason``, ``"failed"`` for a mail or
                class that raised, or ``"not_asked"`` if nobody thought of this recipient.
        """
        __tracebackhide__ = True
        if because is not None and because not in _REASONS:
            raise ValueError(f"because={because!r} is no reason; known are {', '.join(sorted(_REASONS))}.")
        found = [email for email in self._emails() if _matches(email, email_class, to)]
        if found:
            self._fail(
                f"expected no mail{_wanted(email_class, to)}, but {_were(len(found))} sent", email_class, to
            )
        reasons = set(self._reasons(email_class, to))
        if because is None and "failed" in reasons:
            self._fail(f"a mail{_wanted(email_class, to)} was not declined but failed", email_class, to)
        if because is not None and because not in (reasons or {"not_asked"}):
            actual = ", ".join(sorted(reasons)) or "not_asked"
            self._fail(
                f"no mail{_wanted(email_class, to)} because of {actual!r}, not {because!r}", email_class, to
            )

    def assert_nothing_sent(self) -> None:
        """The library sent no mail at all, and none failed."""
        __tracebackhide__ = True
        if self._emails() or self._failures().exists() or self._failed_messages().exists():
            self._fail("expected no mail at all")

    def assert_no_more(self) -> None:
        """Every mail that was sent has been asserted by :meth:`one` or :meth:`all`, and none failed."""
        __tracebackhide__ = True
        rest = [email for email in self._emails() if email.message.pk not in self._asserted]
        if rest:
            self._fail(f"{_were(len(rest))} sent that the test did not ask for: {', '.join(map(repr, rest))}")
        if self._failures().exists() or self._failed_messages().exists():
            self._fail("some mails failed")

    def _emails(self) -> list[SentEmail]:
        __tracebackhide__ = True
        if _transaction_depth() > self._depth:
            raise AssertionError(
                "The code under test still has a transaction.atomic() open: in production nothing would have "
                "been sent yet. Ask audit_outbox after the block."
            )
        sweep(lambda _backend: _MemoryTransport(self._contents))
        ids = [content.extra_headers["Message-ID"] for content in self._contents]
        rows = {row.message_id: row for row in _messages().filter(message_id__in=ids)}
        return list(_sent(self._contents, rows))

    def _reasons(self, email_class: EmailClass, to: Any) -> Iterator[str]:
        for notification in _narrowed(_notifications(), email_class, to).select_related("message"):
            if notification.skip_reason:
                yield notification.skip_reason
            if notification.error or (notification.message and notification.message.last_error):
                yield "failed"

    def _failures(self) -> QuerySet[Notification]:
        return _notifications().exclude(error="")

    def _failed_messages(self) -> QuerySet[Message]:
        return _messages().exclude(last_error="")

    def _fail(self, problem: str, email_class: EmailClass = None, to: Any = None) -> NoReturn:
        __tracebackhide__ = True
        lines = [problem, "", "sent:"]
        lines += [f"  {email!r}" for email in self._emails()] or ["  (nothing)"]
        decisions = list(self._decisions(email_class, to))
        if decisions:
            lines += ["", "not sent:", *decisions]
        raise AssertionError("\n".join(lines))

    def _decisions(self, email_class: EmailClass, to: Any) -> Iterator[str]:
        rows = _narrowed(_notifications(), email_class, to) if to is not None else _notifications()
        for row in rows.select_related("message").order_by("pk"):
            who = row.recipient or row.address or row.recipient_key or "whoever it names"
            if row.skip_reason:
                yield f"  {row.email_key} to {who}: {row.skip_reason} ({row.get_skip_reason_display()})"
            error = row.error or (row.message.last_error if row.message else "")
            if error:
                yield f"  {row.email_key} to {who}: failed: {error}"


def _sent(contents: list[EmailMultiAlternatives], rows: dict[str, Message]) -> Iterator[SentEmail]:
    for content in contents:
        # A row that is gone belongs to an event that a savepoint has rolled back since.
        row = rows.get(content.extra_headers["Message-ID"])
        email_class = emails.get(row.email_key) if row else None
        if row is not None and email_class is not None and row.status == MessageStatus.SENT:
            yield SentEmail(content, row, email_class)


def _matches(email: SentEmail, email_class: EmailClass, to: Any) -> bool:
    if email_class is not None and not issubclass(email.email_class, email_class):
        return False
    if to is None:
        return True
    if isinstance(to, str):
        return to.casefold() in (address.casefold() for address in email.to)
    return bool(email.message.recipient_id == id_of(to))


def _narrowed(rows: QuerySet[Notification], email_class: EmailClass, to: Any) -> QuerySet[Notification]:
    if email_class is not None:
        rows = rows.filter(email_key__in=[known.key for known in emails if issubclass(known, email_class)])
    if to is not None:
        rows = rows.filter(recipient_key__in=["", Recipient.of(to).key])
    return rows


def _wanted(email_class: EmailClass, to: Any) -> str:
    name = f" {email_class.__name__}" if email_class else ""
    return f"{name} to {to}" if to is not None else name


def _were(count: int) -> str:
    return {0: "none was", 1: "one was"}.get(count, f"{count} were")


def _transaction_depth() -> int:
    connection = transaction.get_connection(conf.current().DATABASE)
    return int(connection.in_atomic_block) + len(connection.savepoint_ids)


def _messages() -> QuerySet[Message]:
    return Message.objects.using(conf.current().DATABASE)


def _notifications() -> QuerySet[Notification]:
    return Notification.objects.using(conf.current().DATABASE)
