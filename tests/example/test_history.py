"""What the pages show, and how many queries that takes."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from example_site.inspections.history import history_of
from example_site.inspections.models import Inspection
from example_site.inspections.reporting import create_report
from notifyaudit import track
from notifyaudit.models import AuditEvent, Message, Notification
from tests.example.factories import make_building, make_inspection, make_user, upload


def edit(inspection, **values) -> AuditEvent:
    with track(inspection, "inspection.edited") as tracked:
        Inspection.objects.filter(pk=inspection.pk).update(**values)
    return tracked.event


def queries(client, url) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_newest_event_comes_first_and_speaks_in_words(draft, other_inspector, inspector):
    draft.submit(by=inspector)
    edit(draft, inspector=other_inspector, scheduled_for="2026-12-04", summary="All clear.")
    edited, submitted = history_of(draft)
    assert [(change.label, change.old_label, change.new_label) for change in edited.changes] == [
        ("Scheduled for", "20 Nov 2026", "4 Dec 2026"),
        ("Inspector", "Inspector North", "Inspector2 North"),
        ("Summary", "–", "All clear."),
    ]
    assert [(change.old_label, change.new_label) for change in submitted.changes] == [
        ("Draft", "Ready for review")
    ]


def test_photos_belong_to_the_history_even_when_they_are_gone(draft, inspector):
    draft.add_photo(upload(), "Stairwell", by=inspector).remove(by=inspector)
    assert [entry.label for entry in history_of(draft)] == ["Photo removed", "Photo added"]


def test_history_of_another_inspection_is_not_shown(draft, ready, inspector):
    ready.complete()
    ready.building.inspections.get(pk=draft.pk).add_photo(upload(), by=inspector)
    assert [entry.label for entry in history_of(ready)] == ["Inspection completed"]


def test_page_says_who_was_told_who_was_not_and_why(client, ready, reviewer, owner, inspector):
    ready.complete(by=reviewer)
    event = AuditEvent.objects.get()
    sent = Message.objects.create(email_key="x", recipient_key="1", status="sent", sent_at=event.occurred_at)
    failed = Message.objects.create(
        email_key="x", recipient_key="2", status="failed", last_error="550 no such user"
    )
    for values in (
        {"recipient_key": "a", "recipient_id": str(owner.pk), "message": sent},
        {"recipient_key": "b", "recipient_id": str(reviewer.pk), "skip_reason": "actor"},
        {"recipient_key": "c", "address": "facility@tower7.example", "message": failed},
        {"recipient_key": "d", "recipient_id": "999999"},
        {"recipient_key": "", "error": "AttributeError: no owner"},
    ):
        Notification.objects.create(event=event, email_key="x", **values)
    client.force_login(inspector)
    page = " ".join(client.get(ready.get_absolute_url()).text.split())
    rows = page.split('<ul class="told">')[1].split("</ul>")[0].split("</li>")
    for row, words in zip(
        rows,
        [
            ("Owner North", "Sent"),
            ("Reviewer North", "Not told:"),
            ("facility@tower7.example", "Failed"),
            ("A deleted account", "Waiting"),
            ("Not known yet", "The recipients could not be worked out"),
        ],
        strict=False,
    ):
        assert all(word in row for word in words), row
    # Errors are for the operators: they may quote what a reader of this page should not see.
    assert "no such user" not in page
    assert "AttributeError" not in page


def test_event_that_nobody_was_told_of_says_so(client, ready, reviewer):
    ready.complete(by=reviewer)
    client.force_login(reviewer)
    assert "Nobody has been told yet." in client.get(ready.get_absolute_url()).text


def test_inspection_page_needs_no_more_queries_for_more_history(client, draft, inspector):
    client.force_login(inspector)

    def happen(times):
        for number in range(times):
            event = edit(draft, summary=f"{AuditEvent.objects.count()} {number}")
            draft.add_photo(upload(), by=inspector)
            draft.add_section("Doors", by=inspector)
            create_report(draft, by=inspector)
            for who in (make_user(f"u{event.pk}"), inspector):
                Notification.objects.create(
                    event=event,
                    email_key="x",
                    recipient_key=str(who.pk),
                    recipient_id=str(who.pk),
                    message=Message.objects.create(email_key="x", recipient_key=str(who.pk)),
                )

    happen(1)
    few = queries(client, draft.get_absolute_url())
    happen(5)
    assert queries(client, draft.get_absolute_url()) == few <= 9


@pytest.mark.parametrize("page", ["list", "building"])
def test_lists_need_no_more_queries_for_more_rows(client, building, inspector, reviewer, owner, page):
    client.force_login(inspector)
    url = "/" if page == "list" else building.get_absolute_url()
    make_inspection(building, inspector, reviewer)
    few = queries(client, url)
    for number in range(4):
        other = make_building(make_user(f"owner{number}", "owner"), name=f"Block {number}")
        for where in (building, other):
            make_inspection(where, make_user(f"i{where.pk}{number}"), reviewer)
    assert queries(client, url) == few <= 6


def test_overview_names_what_waits_for_the_reader(client, draft, ready, inspector, reviewer):
    Inspection.objects.filter(pk=draft.pk).update(title="Lift maintenance")
    waiting = {}
    for user in (inspector, reviewer):
        client.force_login(user)
        waiting[user] = list(client.get("/").context["waiting"])
    assert waiting == {inspector: [draft], reviewer: [ready]}


def test_missing_page_is_the_sites_own(client, inspector):
    client.force_login(inspector)
    response = client.get("/inspections/999/")
    assert response.status_code == 404
    assert "There is no such page" in response.text
