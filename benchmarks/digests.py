"""What a digest of twenty events costs from the ledger to the mail server, next to rendering its template."""

import os
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from benchmarks import ledger, sending
from benchmarks.memory import report_peaks
from benchmarks.timing import compare, report
from example_site.inspections.actions import InspectionAction
from example_site.inspections.emails import InspectionEditedEmail
from example_site.inspections.models import Inspection, User
from notifyaudit import DigestEmail, Frequency, clock, compat, record_many, waking
from notifyaudit.claiming import BATCH
from notifyaudit.models import AuditEvent, Message, MessageStatus, Notification, Reason, Subscription
from notifyaudit.models.subscription import Matter
from notifyaudit.preparing import parcels_of
from notifyaudit.sending import send_due
from tests.example.factories import make_inspection

DIGESTS = int(os.environ.get("NOTIFYAUDIT_BENCH_DIGESTS", "1000"))
EVENTS = 20
"""In each digest,"""
OBJECTS = 5
"""about so many inspections, of which three fields have changed."""


def run() -> None:
    """Each candidate makes a digest for every reader; those of the ledger are made due again before."""
    ledger.empty()
    ledger.make_readers(DIGESTS * 10)
    subscribe_readers()
    some_inspections()
    with sending.mail_server():
        for title, own in (("the same for all readers", False), ("of their own for each reader", True)):
            fill(DIGESTS, own=own)
            timings = compare(candidates(), rounds=3, before=sending.due_again)
            report(f"A digest of {EVENTS} events, {title}", timings, per=DIGESTS)
            sending.due_again()
            with CaptureQueriesContext(connection) as statements:
                assert send_due() == {MessageStatus.SENT: DIGESTS}
            print(f"  {len(statements) / DIGESTS:.2f} statements for each, begins and commits included")
            work = "digests:send_own" if own else "digests:send_shared"
            sizes = [DIGESTS // 10, DIGESTS] if own else [DIGESTS // 10, DIGESTS, DIGESTS * 10]
            report_peaks("Digests sent", work, sizes)
    ledger.empty()


def subscribe_readers() -> None:
    """To everything, daily."""
    user_id = Cast("pk", CharField())
    key = Concat(Value("user:"), user_id)
    given = {
        "key": key,
        "subscriber_key": key,
        "user_id": user_id,
        "matter": Value(Matter.PATTERN),
        "name": Value("*"),
        "frequency": Value(Frequency.DAILY),
    }
    ledger.insert(Subscription, ledger.readers(DIGESTS * 10), given)


def some_inspections() -> None:
    first = sending.an_inspection()
    people = (first.building, first.inspector, first.reviewer)
    for number in range(1, OBJECTS):
        make_inspection(*people, title=f"Inspection {number}")


def fill(number: int, *, own: bool) -> None:
    """The ledger of so many readers who are to be told of twenty events each, as routing leaves it."""
    ledger.empty()
    shared = [] if own else recorded(1)
    keys = list(ledger.readers(number).values_list("pk", flat=True))
    # A claim's worth at a time: what this takes is not the sender's.
    for start in range(0, number, BATCH):
        chunk = keys[start : start + BATCH]
        told = cycle(shared or recorded(len(chunk)))
        messages = Message.objects.bulk_create(
            Message(
                email_key=DigestEmail.key,
                recipient_key=f"user:{key}",
                recipient_id=str(key),
                frequency=Frequency.DAILY,
                due_at=clock.now(),
            )
            for key in chunk
        )
        Notification.objects.bulk_create(
            Notification(
                event=event,
                message=message,
                email_key=InspectionEditedEmail.key,
                recipient_key=message.recipient_key,
                recipient_id=message.recipient_id,
                reason=Reason.SUBSCRIBED,
            )
            for message in messages
            for event in islice(told, EVENTS)
        )
    AuditEvent.objects.update(routed_at=clock.now())


def recorded(times: int) -> list[AuditEvent]:
    """So many times twenty events."""
    inspections = list(Inspection.objects.order_by("pk"))
    with waking.wake_ups_suspended():
        return record_many(
            {
                "action": InspectionAction.EDITED,
                "target": inspections[number % OBJECTS],
                "changes": {
                    "title": (f"Title {number}", f"Title {number + OBJECTS}"),
                    "status": ("draft", "ready"),
                    "scheduled_for": ("2026-11-20", f"2026-12-{number + 1:02}"),
                },
            }
            for _ in range(times)
            for number in range(EVENTS)
        )


def candidates() -> dict[str, Callable[[], None]]:
    readers = list(ledger.readers(DIGESTS))
    context = a_context()
    html, text = rendered(context)

    def template() -> None:
        for _ in readers:
            rendered(context)

    def finished() -> None:
        sent(message_of(html, text, reader) for reader in readers)

    def by_hand() -> None:
        sent(message_of(*rendered(context), reader) for reader in readers)

    def from_ledger() -> None:
        assert send_due() == {MessageStatus.SENT: DIGESTS}

    return {
        "its two templates, all values at hand": template,
        "one finished digest, EmailMultiAlternatives, Django's backend": finished,
        "the same, rendered for each reader": by_hand,
        "send_due()": from_ledger,
    }


def a_context() -> dict[str, Any]:
    """What the templates of the first digest see, its sections made already."""
    (parcel,) = parcels_of([Message.objects.earliest("pk")])
    email = DigestEmail.for_message(
        parcel.message,
        events=parcel.events,
        recipient=parcel.user,
        address=parcel.user.email,
        reason=parcel.reason,
    )
    email.told_by = {each.event.pk: each.email_key for each in parcel.told}
    return email.get_context_data()


def rendered(context: dict[str, Any]) -> tuple[str, str]:
    return (
        render_to_string(str(DigestEmail.template_name), context),
        render_to_string(str(DigestEmail.template_txt_name), context),
    )


def message_of(html: str, text: str, reader: User) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives("Daily: 5 changed", text, sending.FROM, [reader.email])
    message.attach_alternative(html, "text/html")
    return message


def sent(messages: Iterator[EmailMultiAlternatives]) -> None:
    backend = compat.mail_backend()
    backend.open()
    for message in messages:
        assert backend.send_messages([message])
    backend.close()


def send_shared(number: int) -> None:
    """In a process of its own: see :mod:`benchmarks.memory`."""
    _send(number, own=False)


def send_own(number: int) -> None:
    """As above."""
    _send(number, own=True)


def _send(number: int, *, own: bool) -> None:
    fill(number, own=own)
    with sending.mailed_to(sending.port()):
        assert send_due() == {MessageStatus.SENT: number}
