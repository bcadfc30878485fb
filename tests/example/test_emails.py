"""Who hears of what on the example site, what the mails say, and where their links lead."""

from datetime import date
from functools import partial

import pytest
from django.db import transaction

from example_site.inspections.emails import (
    InspectionCompletedEmail,
    InspectionEditedEmail,
    InspectionRemovedEmail,
    InspectionReopenedEmail,
    InspectionReturnedEmail,
    InspectionScheduledEmail,
    InspectionSubmittedEmail,
    PhotoAddedEmail,
)
from example_site.inspections.exceptions import CertificateRefused
from example_site.inspections.models import Building, Inspection, Section
from example_site.inspections.reporting import create_report
from notifyaudit import thread_id
from tests.example.factories import FACILITY, upload


@pytest.fixture
def scheduled(building, inspector, reviewer) -> Inspection:
    inspection = Inspection(
        building=building,
        title="Lifts",
        scheduled_for=date(2026, 12, 4),
        inspector=inspector,
        reviewer=reviewer,
    )
    inspection.schedule(by=inspector)
    return inspection


def test_an_inspection_that_is_scheduled_tells_who_will_see_each_other(
    audit_outbox, scheduled, inspector, reviewer, owner
):
    for person in (owner, reviewer):
        email = audit_outbox.one(InspectionScheduledEmail, to=person)
        email.assert_subject("Lifts is scheduled for 4 Dec 2026")
        email.assert_contains("Inspector North", "Reviewer North", "Tower 7, 7 Station Square")
        email.assert_link(scheduled.get_absolute_url())
    audit_outbox.assert_not_sent(to=inspector, because="actor")
    audit_outbox.assert_no_more()


def test_an_edit_tells_the_other_of_the_two_what_changed(
    audit_outbox, draft, inspector, reviewer, other_inspector
):
    with draft.editing(by=inspector):
        Inspection.objects.update(inspector=other_inspector, summary="Doors < 80 cm & stuck")
    email = audit_outbox.one(InspectionEditedEmail, to=reviewer)
    email.assert_subject("Fire safety, Tower 7 was edited")
    email.assert_contains("Inspector North", "Inspector2 North", "Doors < 80 cm & stuck")
    email.assert_link(draft.get_absolute_url())
    audit_outbox.one(InspectionEditedEmail, to=other_inspector)
    audit_outbox.assert_not_sent(to=inspector, because="not_asked")
    audit_outbox.assert_no_more()


def test_the_reviewer_is_not_told_of_their_own_edit(audit_outbox, draft, inspector, reviewer):
    with draft.editing(by=reviewer):
        Inspection.objects.update(summary="All clear.")
    audit_outbox.one(InspectionEditedEmail, to=inspector)
    audit_outbox.assert_not_sent(to=reviewer, because="actor")
    audit_outbox.assert_no_more()


def test_a_new_photo_is_shown_to_the_reviewer(audit_outbox, draft, inspector, reviewer):
    draft.add_photo(upload(), "Stairwell", by=inspector)
    email = audit_outbox.one(PhotoAddedEmail, to=reviewer)
    email.assert_subject("New photo for Fire safety, Tower 7")
    email.assert_contains("Inspector North added a photo: Stairwell.")
    email.assert_link(draft.get_absolute_url())
    audit_outbox.assert_no_more()


def test_submission_tells_the_reviewer_only(audit_outbox, draft, inspector, reviewer, owner):
    Inspection.objects.update(summary="All clear.")
    draft.submit(by=inspector)
    email = audit_outbox.one(InspectionSubmittedEmail, to=reviewer)
    email.assert_subject("Fire safety, Tower 7 is ready for your review")
    email.assert_contains("Tower 7, 7 Station Square", "All clear.")
    email.assert_link(draft.get_absolute_url())
    for person in (inspector, owner):
        audit_outbox.assert_not_sent(to=person, because="not_asked")
    audit_outbox.assert_no_more()


def test_a_return_tells_the_inspector_why(audit_outbox, ready, inspector, reviewer):
    ready.return_to_draft("Doors < 80 cm & the roof\nare missing.", by=reviewer)
    email = audit_outbox.one(InspectionReturnedEmail, to=inspector)
    email.assert_subject("Fire safety, Tower 7 was returned to you")
    email.assert_contains("Reviewer North returned", "Doors < 80 cm & the roof are missing.")
    email.assert_link(ready.get_absolute_url())
    audit_outbox.assert_no_more()


def test_completion_tells_everybody_concerned(audit_outbox, ready, owner, inspector, reviewer):
    ready.complete(by=reviewer)
    for person in (owner, inspector):
        email = audit_outbox.one(InspectionCompletedEmail, to=person)
        email.assert_subject("Fire safety, Tower 7 was completed")
        email.assert_contains("Ready for review → Completed", ready.certificate_number)
        email.assert_link(ready.get_absolute_url())
    audit_outbox.one(InspectionCompletedEmail, to=FACILITY).assert_contains(ready.certificate_number)
    audit_outbox.assert_not_sent(to=reviewer, because="actor")
    audit_outbox.assert_no_more()


def test_reopening_tells_everybody_who_knew_the_result(audit_outbox, ready, owner, inspector, reviewer):
    ready.complete(by=reviewer)
    number = ready.certificate_number
    audit_outbox.clear()
    ready.reopen("The roof was rebuilt.", by=owner)
    for recipient in (inspector, reviewer, FACILITY):
        email = audit_outbox.one(InspectionReopenedEmail, to=recipient)
        email.assert_subject("Fire safety, Tower 7 was reopened")
        email.assert_contains("Completed → Draft", number, "The roof was rebuilt.")
    audit_outbox.assert_not_sent(to=owner, because="actor")
    audit_outbox.assert_no_more()


def test_removal_tells_everybody_though_the_row_is_gone(audit_outbox, ready, owner, inspector, reviewer):
    ready.remove(by=inspector)
    email = audit_outbox.one(InspectionRemovedEmail, to=owner)
    email.assert_subject("Fire safety, Tower 7 was removed")
    email.assert_contains("Tower 7, 7 Station Square", "20 Nov 2026", "Ready for review", "Inspector North")
    email.assert_link(ready.building.get_absolute_url())
    audit_outbox.one(InspectionRemovedEmail, to=reviewer)
    audit_outbox.one(InspectionRemovedEmail, to=FACILITY)
    audit_outbox.assert_not_sent(to=inspector, because="actor")
    audit_outbox.assert_no_more()


def schedule_another(inspection):
    Inspection(
        building=inspection.building,
        title="Lifts",
        scheduled_for=date(2026, 12, 4),
        inspector=inspection.inspector,
        reviewer=inspection.reviewer,
    ).schedule()


def edit(inspection):
    with inspection.editing():
        Inspection.objects.update(summary="All clear.")


# Nobody is named as the actor, so that everybody concerned is told.
HAPPENINGS = {
    "scheduled": ("draft", schedule_another),
    "edited": ("draft", edit),
    "photo added": ("draft", lambda inspection: inspection.add_photo(upload(), "Stairwell")),
    "submitted": ("draft", lambda inspection: inspection.submit()),
    "section added": ("ready", lambda inspection: inspection.add_section("Doors")),
    "critical finding": (
        "ready",
        lambda inspection: inspection.add_section("Railing", Section.Rating.CRITICAL),
    ),
    "returned": ("ready", lambda inspection: inspection.return_to_draft("Why.")),
    "completed": ("ready", lambda inspection: inspection.complete()),
    "reported": ("completed", lambda inspection: create_report(inspection, by=inspection.inspector)),
    "reopened": ("completed", lambda inspection: inspection.reopen("Why.")),
    "removed": ("ready", lambda inspection: inspection.remove()),
}


@pytest.fixture(params=HAPPENINGS)
def happen(request):
    """Everything that can happen to an inspection and that somebody is told of."""
    fixture, happening = HAPPENINGS[request.param]
    return partial(happening, request.getfixturevalue(fixture))


def test_everybody_with_an_account_can_open_what_their_mail_links_to(audit_outbox, happen):
    happen()
    mails = audit_outbox.all(to=lambda recipient: recipient != FACILITY)
    assert mails
    for email in mails:
        pages = [email.follow(link) for link in email.links]
        assert {page.status_code for page in pages} == {200}
        # The object's page, that to unsubscribe, and the preference centre.
        assert [page.context["user"] for page in pages] == [email.recipient] * 3


@pytest.mark.parametrize("happen", ["completed", "reported", "reopened", "removed"], indirect=True)
def test_a_plain_address_gets_no_link_to_a_page_that_it_cannot_open(audit_outbox, happen):
    happen()
    email = audit_outbox.one(to=FACILITY)
    # Only to unsubscribe, and to choose what comes.
    assert [email.follow(link).status_code for link in email.links] == [200] * 2
    email.assert_not_contains("Open the inspection", "Open the building")


def test_the_mails_about_an_inspection_are_one_thread(audit_outbox, draft, inspector, reviewer):
    draft.submit(by=inspector)
    audit_outbox.one(to=reviewer).assert_header("References", thread_id(draft))
    draft.return_to_draft("Why.", by=reviewer)
    audit_outbox.one(to=inspector).assert_header("References", thread_id(draft))


def test_every_mail_says_why_its_reader_gets_it(audit_outbox, happen):
    happen()
    mails = audit_outbox.all()
    assert mails
    for email in mails:
        email.assert_contains("You get this mail because")


def test_names_are_escaped_in_html_and_left_alone_in_text(audit_outbox, ready):
    Building.objects.update(name="Fish & Sons <Dock>")
    ready.refresh_from_db()
    ready.complete()
    email = audit_outbox.one(InspectionCompletedEmail, to=FACILITY)
    assert "Fish & Sons <Dock>" in email.text
    assert "Fish &amp; Sons &lt;Dock&gt;" in email.html_source


# A photo and a report refuse a transaction around them, for the sake of their files.
@pytest.mark.parametrize("happen", sorted(HAPPENINGS.keys() - {"photo added", "reported"}), indirect=True)
def test_what_is_rolled_back_tells_nobody(audit_outbox, happen):
    before = Inspection.objects.values().get()
    with pytest.raises(RuntimeError, match="afterwards"), transaction.atomic():
        happen()
        raise RuntimeError("afterwards")
    assert Inspection.objects.values().get() == before
    assert audit_outbox.recorded() == []
    audit_outbox.assert_nothing_sent()


def test_a_refused_completion_tells_nobody(audit_outbox, ready, reviewer):
    Building.objects.update(licence_number="")
    ready.refresh_from_db()
    with pytest.raises(CertificateRefused):
        ready.complete(by=reviewer)
    audit_outbox.assert_nothing_sent()


def test_an_edit_of_what_is_removed_before_its_mail_leaves_fails_nothing(
    audit_outbox, draft, inspector, owner
):
    with draft.editing(by=inspector):
        Inspection.objects.update(summary="All clear.")
    draft.remove(by=inspector)
    audit_outbox.one(InspectionRemovedEmail, to=owner)
    audit_outbox.assert_not_sent(InspectionEditedEmail, because="not_asked")
