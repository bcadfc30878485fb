"""
PDF reports: what they say, who gets them, and that each download leaves a record.

These are test cases of unittest, which run with pytest and with ``manage.py test``.
"""

# ruff: noqa: PT009, PT027 - it shows unittest's own form

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from django.test import TestCase
from django.urls import reverse
from pypdf import PdfReader

from example_site.inspections.actions import ReportAction
from example_site.inspections.emails import ReportCreatedEmail
from example_site.inspections.history import history_of
from example_site.inspections.models import Building, Inspection, Report, Section, User
from example_site.inspections.reporting import create_report
from notifyaudit.testing import AuditOutboxMixin
from tests.example.factories import FACILITY, make_building, make_inspection, make_user, upload


def text_of(content: bytes) -> str:
    reader = PdfReader(BytesIO(content), strict=True)
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def content_of(report: Report) -> bytes:
    with report.file.open("rb") as file:
        return file.read()


class ReportTestCase(AuditOutboxMixin, TestCase):
    """An inspection that is ready for review, and the people around it."""

    @classmethod
    def setUpTestData(cls):
        cls.owner = make_user("owner", User.Role.OWNER)
        cls.inspector = make_user("inspector", User.Role.INSPECTOR)
        cls.reviewer = make_user("reviewer", User.Role.REVIEWER)
        building = make_building(cls.owner)
        cls.inspection = make_inspection(
            building, cls.inspector, cls.reviewer, status=Inspection.Status.READY
        )

    def setUp(self):
        super().setUp()
        self.media = Path(self.enterContext(TemporaryDirectory()))
        self.enterContext(self.settings(MEDIA_ROOT=self.media))

    @property
    def files(self) -> list[Path]:
        return [path for path in self.media.rglob("*") if path.is_file()]


class ReportContentTest(ReportTestCase):
    def test_a_report_says_what_the_inspection_says(self):
        Inspection.objects.update(summary="All < extinguishers & hoses\n\nwere “serviced”.")
        self.inspection.add_section("Railing", Section.Rating.CRITICAL, "Two posts\nhave rusted.")
        self.inspection.add_section("Doors", Section.Rating.GOOD, position=0)
        self.inspection.add_photo(upload(), "Stairwell B")
        self.inspection.complete(by=self.reviewer)
        text = text_of(content_of(create_report(self.inspection, by=self.inspector)))
        for fact in (
            "Fire safety, Tower 7",
            "Tower 7, 7 Station Square",
            "Owner North",
            "Inspector North",
            "Reviewer North",
            "20 Nov 2026",
            "Completed",
            self.inspection.certificate_number,
            "All < extinguishers & hoses",
            "were “serviced”.",
            "Railing Critical Two posts have rusted.",
            "Stairwell B",
            "Photo added",
            "Status: Ready for review » Completed",
        ):
            self.assertIn(fact, text)
        self.assertLess(text.index("Doors"), text.index("Railing"))

    def test_it_names_its_title_language_and_author(self):
        reader = PdfReader(BytesIO(content_of(create_report(self.inspection, by=self.inspector))))
        self.assertEqual(reader.metadata.title, "Fire safety, Tower 7")
        self.assertEqual(reader.metadata.author, "Inspector North")
        self.assertEqual(reader.root_object["/Lang"], "en-GB")

    def test_it_is_one_moment_and_does_not_change(self):
        report = create_report(self.inspection, by=self.inspector)
        self.inspection.add_section("Railing")
        self.assertNotIn("Railing", text_of(content_of(report)))

    def test_any_text_can_be_printed(self):
        for typed, printed in (
            ("Łukasz Dvořák", "Łukasz Dvorák"),
            ("Дом <b>", "??? <b>"),
            ("a → b\x07", "b"),
            ("½ – “€”", "–"),
        ):
            with self.subTest(typed):
                section = self.inspection.add_section("Doors", finding=typed)
                report = create_report(self.inspection, by=self.inspector)
                self.assertIn(printed, text_of(content_of(report)))
                section.remove()

    def test_long_texts_go_on_over_the_pages(self):
        long = "\n\n".join(["They close slowly. " * 200] * 5) + "x" * 3000 + " The end."
        self.inspection.add_section("Doors", finding=long)
        with self.inspection.editing():
            Inspection.objects.update(summary=long)
        content = content_of(create_report(self.inspection, by=self.inspector))
        self.assertGreater(len(PdfReader(BytesIO(content)).pages), 3)
        self.assertEqual(text_of(content).count("The end."), 2)


class ReportCreationTest(ReportTestCase):
    def test_creation_is_recorded_and_shown(self):
        self.client.force_login(self.reviewer)
        response = self.client.post(reverse("report_create", args=[self.inspection.pk]), follow=True)
        report = Report.objects.get()
        self.assertEqual((report.inspection, report.created_by), (self.inspection, self.reviewer))
        self.assertContains(response, report.get_absolute_url())
        [event] = self.audit_outbox.recorded()
        self.assertEqual((event.action, event.actor), (ReportAction.CREATED, self.reviewer))
        self.assertEqual(event.target, report)

    def test_the_owner_and_the_facility_get_the_report_itself(self):
        report = create_report(self.inspection, by=self.inspector)
        for recipient in (self.owner, FACILITY):
            email = self.audit_outbox.one(ReportCreatedEmail, to=recipient)
            email.assert_subject("Report: Fire safety, Tower 7")
            email.assert_contains("Inspector North created a report", "attached as a PDF", "Ready for review")
            email.assert_attachment(report.filename, "application/pdf", content_of(report))
            self.assertEqual(len(email.attachments), 1)
        self.audit_outbox.assert_not_sent(to=self.reviewer, because="not_asked")
        self.audit_outbox.assert_no_more()

    def test_the_owner_can_open_the_inspection_and_the_facility_is_not_invited_to(self):
        create_report(self.inspection, by=self.inspector)
        page = self.audit_outbox.one(to=self.owner).follow(self.inspection.get_absolute_url())
        self.assertContains(page, "PDF created")
        self.audit_outbox.one(to=FACILITY).assert_not_contains("Open the inspection")

    def test_a_building_without_a_facility_address_has_one_reader_less(self):
        Building.objects.update(facility_email="")
        create_report(self.inspection, by=self.inspector)
        self.audit_outbox.one(ReportCreatedEmail, to=self.owner)
        self.audit_outbox.assert_no_more()

    def test_a_report_that_is_gone_before_its_mail_leaves_fails_nothing(self):
        create_report(self.inspection, by=self.inspector)
        self.inspection.remove(by=self.inspector)
        self.audit_outbox.assert_not_sent(ReportCreatedEmail)
        self.audit_outbox.all()
        self.audit_outbox.assert_no_more()

    def test_a_report_that_cannot_be_recorded_leaves_neither_row_nor_file(self):
        failing = mock.patch(
            "example_site.inspections.reporting.record", side_effect=RuntimeError("it fails")
        )
        with failing, self.assertRaisesMessage(RuntimeError, "it fails"):
            create_report(self.inspection, by=self.inspector)
        self.assertFalse(Report.objects.exists())
        self.assertEqual(self.files, [])
        self.audit_outbox.assert_nothing_sent()

    def test_reports_go_with_their_inspection(self):
        create_report(self.inspection, by=self.inspector)
        self.assertEqual(len(self.files), 1)
        with self.captureOnCommitCallbacks(execute=True):
            self.inspection.remove(by=self.inspector)
        self.assertEqual(self.files, [])


class ReportDownloadTest(ReportTestCase):
    def setUp(self):
        super().setUp()
        self.report = create_report(self.inspection, by=self.inspector)
        self.audit_outbox.clear()

    def test_a_download_is_recorded_and_tells_nobody(self):
        self.client.force_login(self.owner)
        response = self.client.get(self.report.get_absolute_url())
        self.assertEqual(response["Content-Type"], "application/pdf")
        self.assertEqual(response["Content-Disposition"], f'attachment; filename="{self.report.filename}"')
        self.assertIn("no-store", response["Cache-Control"])
        self.assertIn("Fire safety", text_of(b"".join(response.streaming_content)))
        [event] = self.audit_outbox.recorded()
        self.assertEqual((event.action, event.actor), (ReportAction.DOWNLOADED, self.owner))
        self.assertEqual(event.target, self.report)
        self.audit_outbox.assert_nothing_sent()
        self.client.force_login(self.inspector)
        self.assertContains(self.client.get(self.inspection.get_absolute_url()), "There was nobody to tell.")

    def test_a_download_that_cannot_be_recorded_is_refused(self):
        failing = mock.patch(
            "example_site.inspections.models.reports.record", side_effect=RuntimeError("it fails")
        )
        with failing, self.assertRaisesMessage(RuntimeError, "it fails"):
            self.report.download()

    def test_the_download_of_a_missing_file_is_not_recorded(self):
        self.report.file.storage.delete(self.report.file.name)
        with self.assertRaises(FileNotFoundError):
            self.report.download(by=self.inspector)
        self.assertEqual(self.audit_outbox.recorded(), [])

    def test_who_works_on_an_inspection_creates_and_who_sees_it_downloads(self):
        for user, creating, downloading in (
            (self.inspector, 302, 200),
            (self.reviewer, 302, 200),
            (make_user("admin", User.Role.REVIEWER, is_superuser=True), 302, 200),
            (make_user("inspector2", User.Role.INSPECTOR), 403, 200),
            (self.owner, 403, 200),
            (make_user("owner2", User.Role.OWNER), 404, 404),
        ):
            with self.subTest(user.username):
                self.client.force_login(user)
                url = reverse("report_create", args=[self.inspection.pk])
                self.assertEqual(self.client.get(url).status_code, 405)
                self.assertEqual(self.client.post(url).status_code, creating)
                response = self.client.get(self.report.get_absolute_url())
                self.assertEqual(response.status_code, downloading)
                if downloading == 200:
                    # Read to its end, which closes it; close() would take the test's connection along.
                    self.assertTrue(text_of(b"".join(response.streaming_content)))
        self.client.logout()
        response = self.client.get(self.report.get_absolute_url())
        self.assertTrue(response["Location"].startswith("/login/?next="))

    def test_reports_belong_to_the_history(self):
        self.report.download(by=self.inspector).close()
        labels = [entry.label for entry in history_of(self.inspection)]
        self.assertEqual(labels, ["PDF downloaded", "PDF created"])
