"""What the pages show of what happened and who was told, and how many queries that takes."""

import pytest
from bs4 import BeautifulSoup
from django.db import connection
from django.test.utils import CaptureQueriesContext

from example_site.inspections.emails import InspectionCompletedEmail
from example_site.inspections.history import history_of
from example_site.inspections.models import Inspection
from example_site.inspections.reporting import create_report
from tests.example.factories import FACILITY, make_building, make_inspection, make_user, upload


def edit(inspection, **values) -> None:
    with inspection.editing():
        Inspection.objects.filter(pk=inspection.pk).update(**values)


def told_on(page: str) -> list[str]:
    """The lines of the newest event that say who was told."""
    lines = BeautifulSoup(page, "html.parser").select_one("ul.told").select("li")
    return [" ".join(line.get_text(" ").split()) for line in lines]


def queries(client, url) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_the_newest_event_comes_first_and_speaks_in_words(draft, other_inspector, inspector):
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


def test_the_history_of_another_inspection_is_not_shown(draft, ready, inspector):
    ready.complete()
    ready.building.inspections.get(pk=draft.pk).add_photo(upload(), by=inspector)
    assert [entry.label for entry in history_of(ready)] == ["Inspection completed"]


def test_the_page_says_who_was_told_who_was_not_and_why(
    audit_outbox, client, ready, reviewer, inspector, owner
):
    audit_outbox.smtp_fails(with_code=451, to=inspector.email)
    audit_outbox.smtp_fails(with_code=550, to=FACILITY)
    ready.complete(by=reviewer)
    audit_outbox.one(to=owner)
    audit_outbox.assert_not_sent(to=reviewer, because="actor")
    audit_outbox.assert_not_sent(to=inspector, because="waiting")
    audit_outbox.assert_not_sent(to=FACILITY, because="failed")
    client.force_login(inspector)
    page = client.get(ready.get_absolute_url()).text
    lines = told_on(page)
    for words in (
        ("Owner North", "Sent"),
        ("Reviewer North", "Not told:"),
        ("Inspector North", "Waiting"),
        (FACILITY, "Failed"),
    ):
        assert any(all(word in line for word in words) for line in lines), (words, lines)
    # Errors are for the operators: they may quote what a reader of this page should not see.
    assert "says the test" not in page


def test_the_page_says_that_the_account_of_who_was_told_is_deleted(
    audit_outbox, client, ready, reviewer, inspector, other_inspector
):
    ready.complete(by=reviewer)
    audit_outbox.one(to=inspector)
    Inspection.objects.update(inspector=other_inspector)
    inspector.delete()
    client.force_login(reviewer)
    page = client.get(ready.get_absolute_url()).text
    assert any("A deleted account" in line and "Sent" in line for line in told_on(page))


def test_the_page_says_that_the_recipients_could_not_be_worked_out(
    audit_outbox, client, ready, reviewer, monkeypatch
):
    def fail(event):
        raise AttributeError("no owner")

    monkeypatch.setattr(InspectionCompletedEmail, "get_recipients", fail)
    ready.complete(by=reviewer)
    audit_outbox.assert_not_sent(InspectionCompletedEmail, because="failed")
    client.force_login(reviewer)
    page = client.get(ready.get_absolute_url()).text
    [line] = told_on(page)
    assert "Not known yet" in line
    assert "The recipients could not be worked out" in line
    assert "no owner" not in page


def test_the_page_says_that_nobody_has_been_told_yet(client, ready, reviewer):
    ready.complete(by=reviewer)
    client.force_login(reviewer)
    assert "Nobody has been told yet." in client.get(ready.get_absolute_url()).text


def test_the_page_of_an_inspection_needs_no_more_queries_for_more_history(
    audit_outbox, client, draft, inspector
):
    client.force_login(inspector)

    def happen(name):
        edit(draft, reviewer=make_user(name))
        draft.add_photo(upload(), by=inspector)
        draft.add_section("Doors", by=inspector)
        create_report(draft, by=inspector)
        # Somebody new hears of it each time.
        audit_outbox.one(to=f"{name}@example.com", action="inspection.edited")

    happen("u0")
    few = queries(client, draft.get_absolute_url())
    for number in range(1, 6):
        happen(f"u{number}")
    assert queries(client, draft.get_absolute_url()) == few <= 11


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


def test_the_overview_names_what_waits_for_the_reader(client, draft, ready, inspector, reviewer):
    Inspection.objects.filter(pk=draft.pk).update(title="Lift maintenance")
    waiting = {}
    for user in (inspector, reviewer):
        client.force_login(user)
        waiting[user] = list(client.get("/").context["waiting"])
    assert waiting == {inspector: [draft], reviewer: [ready]}


def test_a_missing_page_is_the_sites_own(client, inspector):
    client.force_login(inspector)
    response = client.get("/inspections/999/")
    assert response.status_code == 404
    assert "There is no such page" in response.text
