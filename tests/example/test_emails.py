"""Who hears of what on the example site, and what the mails say."""

from datetime import date

import pytest
from django.db import transaction

from example_site.inspections.actions import InspectionAction
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
from example_site.inspections.models import Building, Inspection
from notifyaudit import track
from tests.example.factories import upload

FACILITY = "facility@tower7.example"


def test_edit_tells_the_other_of_the_two_what_changed(
    audit_outbox, draft, inspector, reviewer, other_inspector
):
    with track(draft, InspectionAction.EDITED, actor=inspector):
        Inspection.objects.filter(pk=draft.pk).update(
            inspector=other_inspector, summary="Doors < 80 cm & stuck"
        )
    email = audit_outbox.one(InspectionEditedEmail, to=reviewer)
    email.assert_subject("Fire safety, Tower 7 was edited")
    email.assert_contains("Inspector North", "Inspector2 North", "Doors < 80 cm & stuck")
    email.assert_link(draft.get_absolute_url())
    audit_outbox.one(InspectionEditedEmail, to=other_inspector)
    audit_outbox.assert_no_more()


def test_reviewer_is_not_told_of_their_own_edit(audit_outbox, draft, inspector, reviewer):
    with track(draft, InspectionAction.EDITED, actor=reviewer):
        Inspection.objects.filter(pk=draft.pk).update(summary="All clear.")
    audit_outbox.one(InspectionEditedEmail, to=inspector)
    audit_outbox.assert_not_sent(to=reviewer, because="actor")
    audit_outbox.assert_no_more()


def test_submission_tells_the_reviewer_only(audit_outbox, draft, inspector, reviewer):
    Inspection.objects.filter(pk=draft.pk).update(summary="All clear.")
    draft.submit(by=inspector)
    email = audit_outbox.one(InspectionSubmittedEmail, to=reviewer)
    email.assert_subject("Fire safety, Tower 7 is ready for your review")
    email.assert_contains("Tower 7, 7 Station Square", "All clear.")
    email.assert_link(draft.get_absolute_url())
    audit_outbox.assert_no_more()


def test_completion_tells_everybody_concerned(audit_outbox, ready, owner, inspector, reviewer):
    ready.complete(by=reviewer)
    for person in (owner, inspector):
        email = audit_outbox.one(InspectionCompletedEmail, to=person)
        email.assert_subject("Fire safety, Tower 7 was completed")
        email.assert_contains("Ready for review → Completed", ready.certificate_number)
        email.assert_link(ready.get_absolute_url())
    audit_outbox.assert_not_sent(to=reviewer, because="actor")
    audit_outbox.one(InspectionCompletedEmail, to=FACILITY)
    audit_outbox.assert_no_more()


def test_plain_address_gets_no_link_to_a_page_it_cannot_open(audit_outbox, ready):
    ready.complete()
    email = audit_outbox.one(InspectionCompletedEmail, to=FACILITY)
    email.assert_not_contains("Open the inspection")


def test_names_are_escaped_in_html_and_left_alone_in_text(audit_outbox, ready):
    Building.objects.update(name="Fish & Sons <Dock>")
    ready.refresh_from_db()
    ready.complete()
    email = audit_outbox.one(InspectionCompletedEmail, to=FACILITY)
    assert "Fish & Sons <Dock>" in email.text
    assert "Fish &amp; Sons &lt;Dock&gt;" in email.html


def test_scheduled_inspection_tells_who_will_see_each_other(
    audit_outbox, building, inspector, reviewer, owner
):
    inspection = Inspection(
        building=building,
        title="Lifts",
        scheduled_for=date(2026, 12, 4),
        inspector=inspector,
        reviewer=reviewer,
    )
    inspection.schedule(by=inspector)
    for person in (owner, reviewer):
        email = audit_outbox.one(InspectionScheduledEmail, to=person)
        email.assert_subject("Lifts is scheduled for 4 Dec 2026")
        email.assert_contains("Inspector North", "Reviewer North", "Tower 7, 7 Station Square")
        email.assert_link(inspection.get_absolute_url())
    audit_outbox.assert_not_sent(to=inspector, because="actor")
    audit_outbox.assert_no_more()


def test_returned_inspection_tells_the_inspector_why(audit_outbox, ready, inspector, reviewer):
    ready.return_to_draft("Doors < 80 cm & the roof\nare missing.", by=reviewer)
    email = audit_outbox.one(InspectionReturnedEmail, to=inspector)
    email.assert_subject("Fire safety, Tower 7 was returned to you")
    email.assert_contains("Reviewer North returned", "Doors < 80 cm & the roof")
    email.assert_link(ready.get_absolute_url())
    audit_outbox.assert_no_more()


def test_reopened_inspection_tells_everybody_who_knew_the_result(
    audit_outbox, ready, owner, inspector, reviewer
):
    ready.complete(by=reviewer)
    number = ready.certificate_number
    audit_outbox.all(InspectionCompletedEmail)
    ready.reopen("The roof was rebuilt.", by=owner)
    for recipient in (inspector, reviewer, FACILITY):
        email = audit_outbox.one(InspectionReopenedEmail, to=recipient)
        email.assert_subject("Fire safety, Tower 7 was reopened")
        email.assert_contains("Completed → Draft", number, "The roof was rebuilt.")
    email.assert_not_contains("Open the inspection")
    audit_outbox.assert_not_sent(InspectionReopenedEmail, to=owner, because="actor")
    audit_outbox.assert_no_more()


@pytest.mark.parametrize(
    ("fixture", "change"),
    [
        ("ready", lambda inspection: inspection.return_to_draft("Why.")),
        ("completed", lambda inspection: inspection.reopen("Why.")),
        ("draft", lambda inspection: inspection.submit()),
        ("ready", lambda inspection: inspection.remove()),
    ],
    ids=["return", "reopen", "submit", "remove"],
)
def test_step_that_is_rolled_back_tells_nobody(audit_outbox, request, fixture, change):
    inspection = request.getfixturevalue(fixture)
    with pytest.raises(RuntimeError), transaction.atomic():
        change(inspection)
        raise RuntimeError
    assert Inspection.objects.get().status == fixture
    audit_outbox.assert_nothing_sent()


def test_refused_completion_tells_nobody(audit_outbox, ready, reviewer):
    Building.objects.update(licence_number="")
    ready.refresh_from_db()
    with pytest.raises(CertificateRefused):
        ready.complete(by=reviewer)
    audit_outbox.assert_nothing_sent()


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


def test_new_photo_is_shown_to_the_reviewer(audit_outbox, draft, inspector, reviewer):
    draft.add_photo(upload(), "Stairwell", by=inspector)
    email = audit_outbox.one(PhotoAddedEmail, to=reviewer)
    email.assert_subject("New photo for Fire safety, Tower 7")
    email.assert_contains("Inspector North added a photo: Stairwell.")
    email.assert_link(draft.get_absolute_url())
    audit_outbox.assert_no_more()


def test_edit_of_what_is_removed_before_its_mail_is_due_fails_nothing(audit_outbox, draft, inspector, owner):
    with track(draft, InspectionAction.EDITED, actor=inspector):
        Inspection.objects.filter(pk=draft.pk).update(summary="All clear.")
    draft.remove(by=inspector)
    audit_outbox.one(InspectionRemovedEmail, to=owner)
    assert not audit_outbox.all(InspectionEditedEmail)


def test_every_mail_says_why_its_reader_gets_it(audit_outbox, draft, inspector, reviewer):
    draft.submit(by=inspector)
    draft.complete(by=reviewer)
    mails = audit_outbox.all()
    assert len(mails) == 4
    for email in mails:
        email.assert_contains("You get this mail because")
