"""What the test harness adds to a test, next to one that renders its mail by hand."""

from collections.abc import Callable
from typing import Any

from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string

from benchmarks.timing import compare, report
from example_site.inspections.actions import InspectionAction
from example_site.inspections.emails import InspectionEditedEmail
from example_site.inspections.models import Inspection, User
from notifyaudit import clock, compat, record, tasks, waking
from notifyaudit.changes import readable
from notifyaudit.htmltext import html_to_text
from notifyaudit.layout import Layout
from notifyaudit.models import AuditEvent
from notifyaudit.testing import AuditOutbox
from tests.example.factories import make_building, make_inspection, make_user
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

SUBJECT = "Fire safety, Tower 7 was edited"
SUMMARY = "All doors close by themselves. The lamps of the second staircase are to be replaced by May. "
CHANGES = {
    "title": ("Fire safety", "Fire safety, Tower 7"),
    "summary": (SUMMARY * 2, SUMMARY * 4),
    "scheduled_for": ("2026-11-20", "2026-12-04"),
    "status": ("draft", "ready"),
    **{f"finding_{number}": ("To be checked", f"Checked, finding {number}") for number in range(6)},
}

Test = Callable[[], None]


def run() -> None:
    """Each candidate is a test: in a transaction that is rolled back at its end."""
    with waking.wake_ups_suspended(), transaction.atomic():
        inspector, reviewer = make_user("inspector"), make_user("reviewer", User.Role.REVIEWER)
        building = make_building(make_user("owner", User.Role.OWNER))
        inspection = make_inspection(building, inspector, reviewer)
        report("A test that sends nothing", compare(silent(), times=50))
        report("A test of one mail of 8 KB", compare(one_mail(inspection, inspector, reviewer), times=10))
        for number in (1, 100, 1_000):
            report(f"A question when {number:,} mails were sent", asked(inspection, number))
        transaction.set_rollback(True)


def silent() -> dict[str, Test]:
    def opened() -> None:
        with AuditOutbox.opened():
            pass

    def nothing_sent() -> None:
        with AuditOutbox.opened() as outbox:
            outbox.assert_nothing_sent()

    return {
        "empty": a_test(lambda: None),
        "with audit_outbox": a_test(opened),
        "with audit_outbox and assert_nothing_sent()": a_test(nothing_sent),
    }


def one_mail(inspection: Inspection, inspector: User, reviewer: User) -> dict[str, Test]:
    context = context_of(inspection, str(inspector))

    def change() -> None:
        record(InspectionAction.EDITED, target=inspection, actor=inspector, changes=CHANGES)

    def check(sent: Any) -> None:
        assert sent.to == [reviewer.email]
        assert sent.subject == SUBJECT
        assert "finding 5" in sent.body
        assert "finding 5" in sent.alternatives[0][0]
        assert f'{inspection.get_absolute_url()}"' in sent.alternatives[0][0]

    def rendered() -> None:
        html = render_to_string(str(InspectionEditedEmail.template_name), context)
        message = EmailMultiAlternatives(SUBJECT, html_to_text(html), "from@x.example", [reviewer.email])
        message.attach_alternative(html, "text/html")
        compat.mail_backend().send_messages([message])
        check(mail.outbox.pop())

    def swept() -> None:
        change()
        tasks.sweep()
        check(mail.outbox.pop())

    def asked() -> None:
        with AuditOutbox.opened() as outbox:
            change()
            sent = outbox.one(InspectionEditedEmail, to=reviewer)
            sent.assert_subject(SUBJECT)
            sent.assert_contains("finding 5")
            sent.assert_link(inspection.get_absolute_url())

    return {
        "rendered by hand, asserted on mail.outbox": a_test(rendered),
        "recorded, swept, asserted on mail.outbox": a_test(swept),
        "recorded, asserted by audit_outbox": a_test(asked),
    }


def context_of(inspection: Inspection, actor: str) -> dict[str, Any]:
    """What the template of an edited inspection sees."""
    email = InspectionEditedEmail.sample(InspectionAction.EDITED, target=inspection)
    return {
        "event": AuditEvent(actor_repr=actor, target_repr=inspection.title, occurred_at=clock.now()),
        "target": inspection,
        "base_url": "https://site.example",
        "changes": readable(CHANGES, Inspection),
        "layout": Layout(email),
        "unsubscribe_url": "https://site.example/stop/",
        "preferences_url": "https://site.example/preferences/",
    }


def asked(inspection: Inspection, number: int) -> dict[str, float]:
    addresses = [f"reader{reader}@x.example" for reader in range(number)]
    kind = email_kind(addresses, template_name=InspectionEditedEmail.template_name)
    with kind, transaction.atomic(), AuditOutbox.opened() as outbox:
        record(DocumentAction.FILED, target=inspection, changes=CHANGES)
        assert len(outbox.all()) == number
        timings = compare(
            {
                "assert_no_more()": outbox.assert_no_more,
                "one() by recipient and element": lambda: discard(
                    outbox.one(to=addresses[-1], selector="h1")
                ),
                "waiting()": lambda: discard(outbox.waiting()),
            },
            times=max(1, 20 // number),
        )
        transaction.set_rollback(True)
    return timings


def discard(answer: object) -> None:
    del answer


def a_test(body: Test) -> Test:
    def run() -> None:
        mail.outbox = []
        with transaction.atomic():
            body()
            transaction.set_rollback(True)

    return run
