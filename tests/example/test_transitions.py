"""How an inspection moves from its date to its certificate and back, what is recorded, and what stops it."""

import pytest
from django.urls import reverse

from example_site.inspections.actions import InspectionAction
from example_site.inspections.exceptions import CertificateRefused, IllegalTransition
from example_site.inspections.models import Inspection
from tests.example.factories import make_building, make_inspection, upload


def messages_of(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_an_inspection_is_scheduled_for_a_building(audit_outbox, client, building, inspector, reviewer):
    client.force_login(inspector)
    values = {"title": "Lifts", "scheduled_for": "2026-12-01"}
    people = {"inspector": inspector.pk, "reviewer": reviewer.pk}
    response = client.post(f"{reverse('inspection_new')}?building={building.pk}", values | people)
    inspection = Inspection.objects.get()
    assert response["Location"] == inspection.get_absolute_url()
    assert (inspection.building, inspection.status) == (building, "draft")
    [event] = audit_outbox.recorded()
    assert (event.action, event.actor) == (InspectionAction.SCHEDULED, inspector)
    assert event.target == inspection


def test_the_inspector_submits_it_and_the_reviewer_completes_it(audit_outbox, draft, inspector, reviewer):
    draft.submit(by=inspector)
    draft.complete(by=reviewer)
    stored = Inspection.objects.get()
    assert (stored.status, stored.certificate_number) == ("completed", f"T7-2026/{stored.pk:04}")
    assert (draft.status, draft.certificate_number) == (stored.status, stored.certificate_number)
    assert [(event.action, event.actor) for event in audit_outbox.recorded()] == [
        (InspectionAction.SUBMITTED, inspector),
        (InspectionAction.COMPLETED, reviewer),
    ]


def test_who_presses_the_button_is_the_actor(audit_outbox, client, draft, inspector):
    client.force_login(inspector)
    client.post(reverse("inspection_submit", args=[draft.pk]))
    [event] = audit_outbox.recorded(InspectionAction.SUBMITTED)
    assert event.actor == inspector


def test_the_reviewer_returns_it_with_a_reason(audit_outbox, client, ready, reviewer):
    client.force_login(reviewer)
    url = reverse("inspection_return", args=[ready.pk])
    assert "Return to draft" in client.get(url).text
    response = client.post(url, {"reason": "Look at\r\nthe roof, too."}, follow=True)
    assert messages_of(response) == ["“Fire safety, Tower 7” is a draft again."]
    assert "Look at<br>the roof, too." in response.text
    assert Inspection.objects.get().status == "draft"
    [event] = audit_outbox.recorded()
    assert (event.action, event.actor) == (InspectionAction.RETURNED, reviewer)
    assert event.changes == {"status": ["ready", "draft"]}
    assert event.data == {"reason": "Look at\nthe roof, too."}


@pytest.mark.parametrize("reason", ["", "  \r\n "])
def test_nothing_is_returned_without_a_reason(audit_outbox, client, ready, reviewer, reason):
    client.force_login(reviewer)
    response = client.post(reverse("inspection_return", args=[ready.pk]), {"reason": reason})
    assert "This field is required." in response.text
    assert Inspection.objects.get().status == "ready"
    assert audit_outbox.recorded() == []


@pytest.fixture
def unlicensed(owner, inspector, reviewer) -> Inspection:
    hall = make_building(owner, name="Harbour Hall", licence_number="")
    return make_inspection(hall, inspector, reviewer, title="Roof survey", status=Inspection.Status.READY)


def test_a_certificate_that_is_refused_leaves_everything_as_it_was(audit_outbox, unlicensed, reviewer):
    with pytest.raises(CertificateRefused):
        unlicensed.complete(by=reviewer)
    assert unlicensed.status == "ready"
    assert Inspection.objects.get().status == "ready"
    assert audit_outbox.recorded() == []
    audit_outbox.assert_nothing_sent()


def test_the_page_says_why_a_certificate_is_refused(client, unlicensed, reviewer):
    client.force_login(reviewer)
    response = client.post(reverse("inspection_complete", args=[unlicensed.pk]), follow=True)
    [message] = messages_of(response)
    assert message.startswith("Harbour Hall has no licence number")
    assert "Nothing was changed, and nobody was told." in message


def test_reopening_makes_the_certificate_void(audit_outbox, client, ready, owner, reviewer):
    ready.complete(by=reviewer)
    audit_outbox.clear()
    client.force_login(owner)
    client.post(reverse("inspection_reopen", args=[ready.pk]), {"reason": "The roof was rebuilt."})
    stored = Inspection.objects.get()
    assert (stored.status, stored.certificate_number) == ("draft", "")
    [event] = audit_outbox.recorded()
    assert (event.action, event.actor) == (InspectionAction.REOPENED, owner)
    assert event.data == {"reason": "The roof was rebuilt."}
    assert event.changes == {
        "status": ["completed", "draft"],
        "certificate_number": [ready.certificate_number, ""],
    }


def test_what_was_reopened_can_be_completed_again(ready, owner, inspector, reviewer):
    ready.complete(by=reviewer)
    ready.reopen("The roof was rebuilt.", by=owner)
    ready.add_section("Roof", by=inspector)
    ready.submit(by=inspector)
    ready.complete(by=reviewer)
    assert Inspection.objects.get().certificate_number


def test_removal_asks_first_and_then_returns_to_the_building(
    audit_outbox, client, draft, inspector, media_root, django_capture_on_commit_callbacks
):
    draft.add_photo(upload(), by=inspector)
    [file] = [path for path in media_root.rglob("*") if path.is_file()]
    client.force_login(inspector)
    url = reverse("inspection_remove", args=[draft.pk])
    assert "Remove “Fire safety, Tower 7”?" in client.get(url).text
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(url)
    assert response["Location"] == draft.building.get_absolute_url()
    assert not Inspection.objects.exists()
    assert not file.exists()
    [event] = audit_outbox.recorded(InspectionAction.REMOVED)
    assert event.snapshot["title"] == "Fire safety, Tower 7"


@pytest.mark.parametrize(
    ("fixture", "method"),
    [
        ("draft", "complete"),
        ("ready", "submit"),
        ("completed", "submit"),
        ("completed", "complete"),
        ("completed", "remove"),
        ("draft", "return_to_draft"),
        ("completed", "return_to_draft"),
        ("draft", "reopen"),
        ("ready", "reopen"),
    ],
)
def test_an_illegal_step_is_refused_and_not_recorded(audit_outbox, request, fixture, method):
    inspection = request.getfixturevalue(fixture)
    reason = ["Why."] if method in {"return_to_draft", "reopen"} else []
    with pytest.raises(IllegalTransition):
        getattr(inspection, method)(*reason)
    assert Inspection.objects.get().status == fixture
    assert audit_outbox.recorded() == []
    audit_outbox.assert_nothing_sent()


def test_an_illegal_step_is_a_message_on_the_page(client, draft, superuser):
    client.force_login(superuser)
    response = client.post(reverse("inspection_complete", args=[draft.pk]), follow=True)
    assert response.redirect_chain == [(draft.get_absolute_url(), 302)]
    assert messages_of(response) == ["This needs an inspection with the status “Ready for review”."]


def test_the_second_of_two_reviewers_is_refused(audit_outbox, ready):
    seen_before = Inspection.objects.get()
    ready.complete()
    with pytest.raises(IllegalTransition):
        seen_before.complete()
    assert len(audit_outbox.recorded()) == 1
