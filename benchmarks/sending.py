"""What a mail costs from the ledger to the mail server, next to the same bytes over one kept connection."""

import os
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import django
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.test import override_settings

from benchmarks import harness, ledger
from benchmarks.memory import report_peaks
from benchmarks.timing import compare, report
from example_site.inspections.emails import InspectionEditedEmail
from example_site.inspections.models import Inspection, User
from notifyaudit import clock, compat, record, waking
from notifyaudit.claiming import Claim, claim
from notifyaudit.htmltext import html_to_text
from notifyaudit.models import Message, MessageStatus, Reason
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from tests.example.factories import make_building, make_inspection, make_user
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

MAILS = int(os.environ.get("NOTIFYAUDIT_BENCH_MAILS", "1000"))
"""At a time, to a server that answers at once; four connections take up claims of 100."""

FAR_MAILS = min(MAILS, 400)
"""To one that is a network away."""

FAR_MILLISECONDS = 5
"""For each reply of that one."""

BACKLOGS = (1_000, int(os.environ.get("NOTIFYAUDIT_BENCH_RECIPIENTS", "100000")))
FROM = "sender@site.example"
SMTP = "django.core.mail.backends.smtp.EmailBackend"
_PORT = "NOTIFYAUDIT_BENCH_SMTP_PORT"

STEERED = {
    "send_due()": {},
    "send_due(), MAX_IN_FLIGHT 10": {"MAX_IN_FLIGHT": 10},
    "send_due(), CONNECTIONS 4": {"CONNECTIONS": 4},
    "send_due(), MAX_IN_FLIGHT 10, CONNECTIONS 4": {"MAX_IN_FLIGHT": 10, "CONNECTIONS": 4},
}

Mail = tuple[str, bytes]


def run() -> None:
    """Each candidate sends the same mails; those of the ledger are made due again before."""
    ledger.empty()
    ledger.make_readers(max(MAILS * 10, *BACKLOGS))
    inspection = an_inspection()
    mails = [(reader.email, finished(inspection, reader)) for reader in ledger.readers(MAILS)]
    print(f"\nA mail is of {len(mails[0][1]):,} bytes as it goes over the wire")
    with mail_server() as port:
        candidates = candidates_of(inspection, mails, port)
        report(
            "A mail to a server that answers at once", compared(inspection, candidates, MAILS, 5), per=MAILS
        )
        report_peaks("Mails sent", "sending:send_many", [MAILS, MAILS * 10])
    with mail_server(FAR_MILLISECONDS) as port:
        candidates = candidates_of(inspection, mails[:FAR_MAILS], port)
        report(
            f"A mail to a server that answers each command after {FAR_MILLISECONDS} ms",
            compared(inspection, candidates, FAR_MAILS, 3),
            per=FAR_MAILS,
        )
    for backlog in BACKLOGS:
        report(f"With {backlog:,} mails due", claimed(backlog))
    ledger.empty()


def an_inspection() -> Inspection:
    inspector, reviewer = make_user("a-inspector"), make_user("a-reviewer", User.Role.REVIEWER)
    return make_inspection(make_building(make_user("an-owner", User.Role.OWNER)), inspector, reviewer)


@contextmanager
def mail_server(milliseconds: int = 0) -> Iterator[int]:
    """A server in a process of its own; the project's mails go to it. Yields its port."""
    command = [sys.executable, "-m", "benchmarks.smtp_server", str(milliseconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        port = int(process.stdout.readline())
        os.environ[_PORT] = str(port)
        try:
            with mailed_to(port):
                yield port
        finally:
            del os.environ[_PORT]
            process.terminate()


def port() -> int:
    """That of the server, also in a process that measures memory."""
    return int(os.environ[_PORT])


def mailed_to(port: int) -> Any:
    options = {"host": "127.0.0.1", "port": port}
    if django.VERSION >= (6, 1):
        return override_settings(MAILERS={"default": {"BACKEND": SMTP, "OPTIONS": options}})
    return override_settings(EMAIL_BACKEND=SMTP, EMAIL_HOST=options["host"], EMAIL_PORT=options["port"])


def finished(inspection: Inspection, reader: User) -> bytes:
    html = rendered(inspection, reader)
    return compat.serialise(message(html, html_to_text(html), reader.email))


def rendered(inspection: Inspection, reader: User) -> str:
    context = harness.context_of(inspection, "an inspector") | {"recipient": reader, "reason": Reason.NAMED}
    return render_to_string(str(InspectionEditedEmail.template_name), context)


def message(html: str, text: str, address: str) -> EmailMultiAlternatives:
    made = EmailMultiAlternatives(harness.SUBJECT, text, FROM, [address])
    made.attach_alternative(html, "text/html")
    return made


def candidates_of(inspection: Inspection, mails: list[Mail], port: int) -> dict[str, Callable[[], None]]:
    html = rendered(inspection, ledger.readers(1).get())
    text = html_to_text(html)
    readers = list(ledger.readers(len(mails)))

    def bytes_alone() -> None:
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            for address, content in mails:
                smtp.sendmail(FROM, [address], content)

    def through_django(made: Callable[[User], EmailMultiAlternatives]) -> None:
        backend = compat.mail_backend()
        backend.open()
        for reader in readers:
            assert backend.send_messages([made(reader)])
        backend.close()

    def by_hand(reader: User) -> EmailMultiAlternatives:
        own = rendered(inspection, reader)
        return message(own, html_to_text(own), reader.email)

    def from_ledger(steering: dict[str, int]) -> None:
        with steered(steering):
            assert send_due() == {MessageStatus.SENT: len(mails)}

    return {
        "the same bytes, smtplib": bytes_alone,
        "EmailMultiAlternatives, Django's backend": lambda: through_django(
            lambda reader: message(html, text, reader.email)
        ),
        "the same, rendered for each reader": lambda: through_django(by_hand),
        **{name: partial(from_ledger, values) for name, values in STEERED.items()},
    }


def steered(steering: dict[str, int]) -> Any:
    return override_settings(NOTIFYAUDIT={"BASE_URL": "https://site.example", **steering})


@contextmanager
def backlog_of(inspection: Inspection, number: int) -> Iterator[None]:
    """So many users are told of an edited inspection; none of the mails has left."""
    ledger.empty()
    told = email_kind(
        lambda _: ledger.readers(number),
        subject=InspectionEditedEmail.subject,
        template_name=InspectionEditedEmail.template_name,
    )
    with told, waking.wake_ups_suspended():
        record(DocumentAction.FILED, target=inspection, changes=harness.CHANGES)
        route_pending()
        yield


def compared(
    inspection: Inspection, candidates: dict[str, Callable[[], None]], number: int, rounds: int
) -> dict[str, float]:
    with backlog_of(inspection, number):
        return compare(candidates, rounds=rounds, before=due_again)


def due_again() -> None:
    Message.objects.update(
        status=MessageStatus.OPEN, attempts=0, sent_at=None, content_hash="", due_at=clock.now()
    )
    ledger.analyse(Message, vacuum=True)


def send_many(number: int) -> None:
    """In a process of its own: see :mod:`benchmarks.memory`."""
    inspection = Inspection.objects.get()
    with mailed_to(port()), backlog_of(inspection, number):
        assert send_due() == {MessageStatus.SENT: number}


def claimed(backlog: int) -> dict[str, float]:
    ledger.empty()
    ledger.insert_messages(Message, ledger.readers(backlog))
    ledger.analyse(Message)
    taken: list[Claim] = []

    def given_back() -> None:
        while taken:
            batch = taken.pop()
            batch.release(batch.messages)

    def take() -> None:
        batch = claim()
        assert batch is not None
        taken.append(batch)

    with email_kind():
        return compare({"claim() of 100": take}, rounds=50, before=given_back)
