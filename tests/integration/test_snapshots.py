"""email.snapshot(): the same in each run, and different where the mail is."""

import re
import textwrap
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import signing
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlsafe_base64_encode

from notifyaudit import audit_context, record, thread_id
from tests.integration.kinds import email_kind
from tests.integration.shop import INI, SETTINGS
from tests.integration.test_coverage_plugin import EMAILS, TEMPLATES
from tests.integration.test_emails import templates
from tests.testapp.actions import DocumentAction
from tests.testapp.emails import DocumentChangedEmail
from tests.testapp.models import Document

pytest_plugins = ["pytester"]


@pytest.fixture
def snapshot(audit_outbox, settings, tmp_path, document):
    """The snapshot of a mail with this HTML, about a document."""

    def snapshot(html, *, target=document, data=None, replace=None, correlation_id=None, **attributes):
        templates(settings, tmp_path, "django", {"t.html": html})
        kind = email_kind(["a@x.example"], template_name="t.html", **attributes)
        with kind, audit_context(correlation_id=correlation_id):
            record(DocumentAction.FILED, target=target, data=data)
            return audit_outbox.last().snapshot(replace)

    return snapshot


def body_of(snapshot):
    return snapshot.partition("--- html ---\n")[2]


def test_it_is_the_whole_mail(audit_outbox, document, user):
    record(DocumentAction.CHANGED, target=document, changes={"kind": ("letter", "plan")}, actor=None)
    assert audit_outbox.one(DocumentChangedEmail, to=user).snapshot() == textwrap.dedent("""\
        From: Building inspections <inspections@example.com>
        To: owner@example.com
        Subject: Plan A was changed
        Auto-Submitted: auto-generated
        Content-Language: en-gb
        In-Reply-To: <thread>
        List-Id: "Document changed" <testapp.DocumentChangedEmail.site.example>
        List-Unsubscribe: <https://site.example/notifyaudit/unsubscribe/<token>/>
        List-Unsubscribe-Post: List-Unsubscribe=One-Click
        References: <thread>
        X-Correlation-ID: <correlation-id>

        --- text ---
        Plan A & its changes:

        - Sort of paper: A letter → A plan

        Open it (https://site.example/documents/<id>/)

        --- html ---
        <html><head><title>not in the text</title></head><body>
        <p>Plan A &amp; its <b>changes</b>:</p>
        <ul><li>Sort of paper: A letter → A plan</li></ul>
        <p><a href="https://site.example/documents/<id>/">Open it</a></p>

        </body></html>""")


def test_it_is_the_same_for_other_rows_at_another_time(audit_outbox, user, folder):
    def snapshot():
        document = Document.objects.create(title="Plan A", owner=user, folder=folder)
        with audit_context(actor=user, correlation_id=f"request {document.pk}"):
            record(DocumentAction.CHANGED, target=document, actor=None, changes={"kind": ("letter", "plan")})
        return audit_outbox.last().snapshot()

    first = snapshot()
    audit_outbox.advance(timedelta(days=400, hours=7, minutes=13))
    assert snapshot() == first


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("https://site.example/a/{{ target.pk }}/#section-{{ target.pk }}", "https://site.example/a/<id>/#section-<id>"),
        ("https://site.example/?next=/a/{{ target.pk }}&x=y", "https://site.example/?next=/a/<id>&amp;x=y"),
        ("Tower {{ target.pk }} of {{ target.pk }}", None),
        ("https://site.example/v{{ target.pk }}/x/", None),
        ("https://site.example/u/{{ data.signed }}/", "https://site.example/u/<token>/"),
        ("https://site.example/reset/{{ data.reset }}/", "https://site.example/reset/<token>/"),
        ("https://site.example/a-slug-of-words-and-7-numbers/", None),
        ("https://site.example/tower-7-{{ target.pk }}/plan_{{ target.pk }}.pdf.", "https://site.example/tower-7-<id>/plan_<id>.pdf."),
        ("https://site.example/?next=%2Fa%2F{{ target.pk }}%2F", "https://site.example/?next=%2Fa%2F<id>%2F"),
        ("https://site.example/?ids=1,2,{{ target.pk }}", "https://site.example/?ids=<id>,<id>,<id>"),
        ("https://site.example/photo-{{ data.uuid }}.jpg", "https://site.example/photo-<uuid>.jpg"),
        ("https://site.example/{{ event.occurred_at|date:'Y-m-d' }}/1/", "https://site.example/<date>/<id>/"),
        ("https://site.example/2001-01-01/", None),
        ("{{ data.uuid }}", "<uuid>"),
        ('{{ event.occurred_at|date:"c" }}', "<datetime>"),
        ('{{ event.occurred_at|date:"r" }}', "<datetime>"),
        ("On {{ event.occurred_at|date }}, {{ event.occurred_at|time }}.", "On <datetime>."),
        ("{{ event.occurred_at }}", "<datetime>"),
        ("{{ event.occurred_at|date:'l, j F Y' }}", "<date>"),
        ("{{ event.occurred_at|date:'D d M Y' }}<b>{{ event.occurred_at|time }}</b>", "<date><b><time></b>"),
        ("{{ event.occurred_at|date:'H:i' }} on {{ event.occurred_at|date:'jS F Y' }}", "<time> on <date>"),
        ("{{ event.occurred_at|date:'H:i:s' }}", "<time>"),
        ("1 Jan 2001, 2001-01-01", None),
    ],
)  # fmt: skip
def test_what_changes_from_run_to_run_has_a_placeholder(snapshot, html, expected):
    data = {
        "signed": signing.dumps({"user": 7}),
        "reset": "cx7-0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "uuid": "6fa459ea-ee8a-3ca4-894e-db77e160355e",
    }
    body = body_of(snapshot(html.replace("&", "&amp;"), data=data))
    assert body == (expected or body_of(snapshot(html, replace={"<never>": ""})))
    assert ("<" in body) == (expected is not None)


def test_dates_are_found_in_the_language_of_the_mail(snapshot):
    html = "{{ event.occurred_at|date:'DATETIME_FORMAT' }}"
    assert body_of(snapshot(html, get_translation=lambda self: "de")) == "<datetime>"


@pytest.mark.parametrize("now", ["2026-11-21 09:00", "2026-11-21 12:00", "2026-11-20 15:30"])
def test_what_the_content_says_of_a_time_is_the_same_at_that_time(snapshot, now):
    text = "<p>Open from 09:00. Lunch at noon, or at 3:30 p.m.; on 24 Nov 2026 at 09:00</p>"
    with time_machine.travel(datetime.fromisoformat(now).replace(tzinfo=UTC), tick=False):
        assert body_of(snapshot(text)) == text


@pytest.mark.parametrize("key", [4, 7, 57])
def test_which_key_a_row_has_got_says_nothing(snapshot, user, folder, key):
    target = Document.objects.create(pk=key, title="Plan", owner=user, folder=folder)
    html = "Tower 7, 57 floors: https://site.example/v/4/?page=7&x=tower-57&y={{ target.pk }}"
    expected = "Tower 7, 57 floors: https://site.example/v/<id>/?page=<id>&x=tower-<id>&y=<id>"
    assert body_of(snapshot(html, target=target)) == expected


def test_the_key_of_a_user_as_django_puts_it_into_its_urls(snapshot, user):
    data = {"uid": urlsafe_base64_encode(str(user.pk).encode())}
    html = "https://site.example/reset/{{ data.uid }}/x/"
    assert body_of(snapshot(html, target=user, data=data)) == "https://site.example/reset/<id>/x/"


def test_a_correlation_id_takes_no_word_from_the_content(snapshot):
    taken = snapshot("<p>The import of today</p>", correlation_id="import")
    assert "X-Correlation-ID: <correlation-id>" in taken
    assert body_of(taken) == "<p>The import of today</p>"


def test_keys_in_headers_for_programs(snapshot, document, user):
    headers = {
        "X-Object": f"document-{document.pk}, 4.2",
        "References": f"{thread_id(document)} {thread_id(user)}",
        "List-Unsubscribe": f"<https://site.example/u/{document.pk}/{signing.dumps(document.pk)}/>",
    }
    lines = snapshot("x", get_headers=lambda self: headers, subject="{{ target.pk }}").splitlines()
    assert f"Subject: {document.pk}" in lines
    assert "X-Object: document-<id>, 4.2" in lines
    assert "References: <thread> <thread>" in lines
    assert "List-Unsubscribe: <https://site.example/u/<id>/<token>/>" in lines


def test_a_date_of_the_content_stays(snapshot):
    another_day = date_format(timezone.now() + timedelta(days=3))
    assert body_of(snapshot(f"<p>{another_day}</p>")) == f"<p>{another_day}</p>"


def test_a_changed_word_is_another_snapshot(snapshot):
    assert snapshot("<p>One</p>") != snapshot("<p>Two</p>")


def test_a_test_can_have_more_replaced(snapshot):
    body = body_of(snapshot("<p>Ticket 4711, 4712</p>", replace={r"\d{4}": "<ticket>", re.compile("T"): "t"}))
    assert body == "<p>ticket <ticket>, <ticket></p>"


def test_attachments_are_named(snapshot):
    def get_attachments(self):
        return [{"filename": "a.pdf", "file": b"%PDF", "mimetype": "application/pdf"}]

    assert snapshot("<p>x</p>", get_attachments=get_attachments).endswith(
        "--- attachments ---\na.pdf (application/pdf)"
    )


@pytest.mark.parametrize(
    ("imports", "compared", "create"),
    [
        ("", "snapshot", "--snapshot-update"),
        ("from inline_snapshot import snapshot", "snapshot()", "--inline-snapshot=create"),
    ],
    ids=["syrupy", "inline-snapshot"],
)
def test_libraries_of_snapshots_take_it(run_pytest, pytester, monkeypatch, imports, compared, create):
    fixture = "" if imports else ", snapshot"
    test = f"""
    {imports}

    def test_paid(order, audit_outbox{fixture}):
        services.pay(order)
        assert audit_outbox.one(to="a@x.example").snapshot() == {compared}
    """
    pytester.makeini(textwrap.dedent(INI))
    path = pytester.path / "paid.html"
    path.write_text("<p>{{ event.recorded_at }} {{ base_url }}/orders/{{ target.pk }}/</p>")
    settings = textwrap.dedent(SETTINGS) + textwrap.dedent(TEMPLATES)
    monkeypatch.setenv("PYTEST_ADDOPTS", create)
    run_pytest(test, **{"shop/emails": EMAILS, "settings": settings})
    monkeypatch.delenv("PYTEST_ADDOPTS")

    def again():
        return pytester.runpytest_subprocess(
            "-p", "no:randomly", "-p", "no:asyncio", "-p", "no:cacheprovider"
        )

    again().assert_outcomes(passed=1)
    path.write_text("<p>Another {{ base_url }}/orders/{{ target.pk }}/</p>")
    assert again().parseoutcomes()["failed"] == 1
