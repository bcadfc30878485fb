"""PDF reports: what they say, who gets them, and that each download leaves a record."""

from io import BytesIO

import pytest
from django.urls import reverse
from pypdf import PdfReader

from example_site.inspections.actions import ReportAction
from example_site.inspections.emails import ReportCreatedEmail
from example_site.inspections.history import history_of
from example_site.inspections.models import Building, Inspection, Report, Section
from example_site.inspections.reporting import create_report
from notifyaudit import track
from notifyaudit.models import AuditEvent
from tests.example.factories import upload

FACILITY = "facility@tower7.example"


def text_of(content: bytes) -> str:
    reader = PdfReader(BytesIO(content), strict=True)
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def content_of(report: Report) -> bytes:
    with report.file.open("rb") as file:
        return file.read()


def files(media_root) -> list:
    return [path for path in media_root.rglob("*") if path.is_file()]


def test_report_says_what_the_inspection_says(ready, inspector, reviewer, owner):
    Inspection.objects.update(summary="All < extinguishers & hoses\n\nwere “serviced”.")
    ready.add_section("Railing", Section.Rating.CRITICAL, "Two posts\nhave rusted.")
    ready.add_section("Doors", Section.Rating.GOOD, position=0)
    ready.add_photo(upload(), "Stairwell B")
    ready.complete(by=reviewer)
    report = create_report(ready, by=inspector)
    text = text_of(content_of(report))
    for fact in (
        "Fire safety, Tower 7",
        "Tower 7, 7 Station Square",
        "Owner North",
        "Inspector North",
        "Reviewer North",
        "20 Nov 2026",
        "Completed",
        ready.certificate_number,
        "All < extinguishers & hoses",
        "were “serviced”.",
        "Railing Critical Two posts have rusted.",
        "Stairwell B",
        "Photo added",
        "Status: Ready for review » Completed",
    ):
        assert fact in text, fact
    assert text.index("Doors") < text.index("Railing")


def test_report_names_its_title_language_and_author(draft, inspector):
    reader = PdfReader(BytesIO(content_of(create_report(draft, by=inspector))))
    assert (reader.metadata.title, reader.metadata.author) == ("Fire safety, Tower 7", "Inspector North")
    assert reader.root_object["/Lang"] == "en-GB"


def test_report_is_one_moment_and_does_not_change(draft, inspector):
    report = create_report(draft, by=inspector)
    draft.add_section("Railing")
    assert "Railing" not in text_of(content_of(report))


@pytest.mark.parametrize(
    ("typed", "printed"),
    [("Łukasz Dvořák", "Łukasz Dvorák"), ("Дом <b>", "??? <b>"), ("a → b\x00\x07", "b"), ("½ – “€”", "–")],
)
def test_any_text_can_be_printed(draft, inspector, typed, printed):
    draft.add_section("Doors", finding=typed.replace("\x00", ""))
    assert printed in text_of(content_of(create_report(draft, by=inspector)))


def test_long_texts_go_on_over_the_pages(draft, inspector):
    long = "\n\n".join(["They close slowly. " * 200] * 5) + "x" * 3000 + " The end."
    draft.add_section("Doors", finding=long)
    with track(draft, "inspection.edited"):
        Inspection.objects.update(summary=long)
    report = create_report(draft, by=inspector)
    assert len(PdfReader(BytesIO(content_of(report))).pages) > 3
    assert text_of(content_of(report)).count("The end.") == 2


def test_creation_is_recorded_and_shown(client, completed, reviewer):
    client.force_login(reviewer)
    response = client.post(reverse("report_create", args=[completed.pk]), follow=True)
    report = Report.objects.get()
    assert (report.inspection, report.created_by) == (completed, reviewer)
    assert report.get_absolute_url() in response.text
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.target) == (ReportAction.CREATED, reviewer, report)


def test_owner_and_facility_get_the_report_itself(audit_outbox, ready, inspector, owner):
    report = create_report(ready, by=inspector)
    for recipient in (owner, FACILITY):
        email = audit_outbox.one(ReportCreatedEmail, to=recipient)
        email.assert_subject("Report: Fire safety, Tower 7")
        email.assert_contains("Inspector North created a report", "attached as a PDF", "Ready for review")
        [attachment] = email.content.attachments
        assert (attachment[0], attachment[2]) == (report.filename, "application/pdf")
        assert "Fire safety, Tower 7" in text_of(attachment[1])
    audit_outbox.one(to=owner).assert_link(ready.get_absolute_url())
    email.assert_not_contains("Open the inspection")
    audit_outbox.assert_no_more()


def test_building_without_a_facility_address_has_one_reader_less(audit_outbox, draft, inspector, owner):
    Building.objects.update(facility_email="")
    create_report(draft, by=inspector)
    audit_outbox.one(ReportCreatedEmail, to=owner)
    audit_outbox.assert_no_more()


def test_report_that_is_gone_before_its_mail_is_due_fails_nothing(audit_outbox, draft, inspector, owner):
    create_report(draft, by=inspector)
    draft.remove(by=inspector)
    assert not audit_outbox.all(ReportCreatedEmail)
    audit_outbox.all()
    audit_outbox.assert_no_more()


def test_download_is_recorded_and_tells_nobody(audit_outbox, client, draft, inspector, owner):
    report = create_report(draft, by=owner)
    audit_outbox.all()
    client.force_login(owner)
    response = client.get(report.get_absolute_url())
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == f'attachment; filename="{report.filename}"'
    assert "no-store" in response["Cache-Control"]
    assert "Fire safety" in text_of(b"".join(response.streaming_content))
    event = AuditEvent.objects.get(action=ReportAction.DOWNLOADED)
    assert (event.actor, event.target) == (owner, report)
    audit_outbox.assert_no_more()
    client.force_login(inspector)
    assert "There was nobody to tell." in client.get(draft.get_absolute_url()).text


def test_download_that_cannot_be_recorded_is_refused(draft, inspector, monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("it fails")

    report = create_report(draft, by=inspector)
    monkeypatch.setattr("example_site.inspections.models.reports.record", fail)
    with pytest.raises(RuntimeError, match="it fails"):
        report.download()


def test_download_of_a_missing_file_is_not_recorded(draft, inspector):
    report = create_report(draft, by=inspector)
    report.file.storage.delete(report.file.name)
    with pytest.raises(FileNotFoundError):
        report.download(by=inspector)
    assert not AuditEvent.objects.filter(action=ReportAction.DOWNLOADED).exists()


def test_report_that_cannot_be_recorded_leaves_neither_row_nor_file(
    audit_outbox, draft, inspector, monkeypatch, media_root
):
    def fail(*_args, **_options):
        raise RuntimeError("it fails")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="it fails"):
        patched.setattr("example_site.inspections.reporting.record", fail)
        create_report(draft, by=inspector)
    assert not Report.objects.exists()
    assert not files(media_root)
    audit_outbox.assert_nothing_sent()


def test_reports_go_with_their_inspection(draft, inspector, media_root, django_capture_on_commit_callbacks):
    create_report(draft, by=inspector)
    assert len(files(media_root)) == 1
    with django_capture_on_commit_callbacks(execute=True):
        draft.remove(by=inspector)
    assert not files(media_root)


def test_who_works_on_an_inspection_creates_and_who_sees_it_downloads(
    client, draft, inspector, reviewer, superuser, other_inspector, owner, other_owner
):
    report = create_report(draft, by=inspector)
    expected = {
        inspector: (302, 200),
        reviewer: (302, 200),
        superuser: (302, 200),
        other_inspector: (403, 200),
        owner: (403, 200),
        other_owner: (404, 404),
    }
    for user, (creating, downloading) in expected.items():
        client.force_login(user)
        url = reverse("report_create", args=[draft.pk])
        assert client.get(url).status_code == 405
        assert client.post(url).status_code == creating
        response = client.get(report.get_absolute_url())
        assert response.status_code == downloading
        if downloading == 200:
            # Read to its end, which closes it; close() would take the test's database connection along.
            assert text_of(b"".join(response.streaming_content))
    client.logout()
    assert client.get(report.get_absolute_url())["Location"].startswith("/login/?next=")


def test_reports_belong_to_the_history(draft, inspector):
    create_report(draft, by=inspector).download(by=inspector).close()
    assert [entry.label for entry in history_of(draft)] == ["PDF downloaded", "PDF created"]
