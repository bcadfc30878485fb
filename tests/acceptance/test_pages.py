"""The example site in a browser: sign in, edit, complete, create a report, and read who was told."""

from datetime import date

import pytest
from django.core.management import call_command
from pypdf import PdfReader

from example_site.inspections.reporting import create_report
from tests.example.factories import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def media_root(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(params=[1280, 360], ids=["desktop", "phone"])
def page(request, browser, live_server, complaints):
    context = browser.new_context(
        base_url=live_server.url, viewport={"width": request.param, "height": 800}, locale="en-GB"
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()


def sign_in(page, user):
    page.goto("/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_reviewer_edits_completes_and_reads_who_was_told(page, complaints, reviewer, inspection):
    sign_in(page, reviewer)
    page.get_by_role("region", name="Waiting for you").get_by_role("link", name="Fire safety").click()

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Scheduled for").fill("2026-12-04")
    page.get_by_label("Summary").fill("All clear.")
    page.get_by_role("button", name="Save changes").click()
    assert page.get_by_role("status").inner_text() == "Your changes were saved."

    page.get_by_role("button", name="Complete").click()
    assert page.get_by_role("status").inner_text() == "“Fire safety, Tower 7” is complete."
    assert page.get_by_text("T7-2026/").is_visible()

    call_command("notifyaudit", "sweep")
    page.reload()
    completed, edited = page.locator(".history > li").all()
    told = completed.locator(".told > li").all_inner_texts()
    assert [row.split("\n")[0] for row in told] == [
        "Owner North",
        "Inspector North",
        "Reviewer North",
        "facility@tower7.example",
    ]
    assert ["Sent" in row for row in told] == [True, True, False, True]
    assert "Not told" in told[2]
    assert "4 Dec 2026" in edited.inner_text()

    inspection.refresh_from_db()
    assert (inspection.status, inspection.scheduled_for) == ("completed", date(2026, 12, 4))
    assert not complaints


def test_reviewer_adds_a_section_and_downloads_the_report(page, complaints, reviewer, inspection):
    sign_in(page, reviewer)
    page.wait_for_url("**/")
    page.goto(inspection.get_absolute_url())
    page.get_by_role("link", name="Add section").click()
    page.get_by_label("Title").fill("Railing")
    page.get_by_label("Rating").select_option("Critical")
    page.get_by_label("Finding").fill("Two posts have rusted.")
    page.get_by_role("button", name="Add section").click()
    assert page.get_by_role("status").inner_text() == "The section was added."
    assert "Critical" in page.get_by_role("region", name="Sections").inner_text()

    page.get_by_role("button", name="Create PDF report").click()
    assert page.get_by_role("status").inner_text() == "The report was created."
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Report of").click()
    assert download.value.suggested_filename.startswith("fire-safety-tower-7-")
    text = " ".join(PdfReader(download.value.path()).pages[0].extract_text().split())
    assert "Railing Critical Two posts have rusted." in text

    page.reload()
    newest = page.locator(".history > li").first.inner_text()
    assert newest.startswith("PDF downloaded")
    assert "Reviewer North" in newest
    assert not complaints


def test_inspection_is_returned_with_a_reason(page, complaints, reviewer, inspection):
    sign_in(page, reviewer)
    page.wait_for_url("**/")
    page.goto(inspection.get_absolute_url())
    page.get_by_role("link", name="Return to draft").click()
    page.get_by_label("Reason").fill("Look at the roof, too.")
    page.get_by_role("button", name="Return to draft").click()
    assert page.get_by_role("status").inner_text() == "“Fire safety, Tower 7” is a draft again."
    history = page.get_by_role("region", name="History")
    assert "Look at the roof, too." in history.inner_text()
    assert not complaints


def test_no_page_is_wider_than_the_screen(page, complaints, reviewer, inspection):
    sign_in(page, reviewer)
    page.wait_for_url("**/")
    section = inspection.add_section("A" * 150, finding="b" * 300)
    create_report(inspection, by=reviewer)
    own = inspection.get_absolute_url()
    for path in (
        "/",
        inspection.building.get_absolute_url(),
        own,
        f"{own}edit/",
        f"{own}return/",
        f"{own}sections/new/",
        f"/sections/{section.pk}/edit/",
        f"/sections/{section.pk}/remove/",
    ):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    assert not complaints


def test_keyboard_reaches_the_content_first(page, reviewer):
    sign_in(page, reviewer)
    page.wait_for_url("**/")
    page.reload()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
