"""Sections of an inspection: who writes them, what of it is recorded, and who is told."""

import pytest
from django.urls import reverse

from example_site.inspections.actions import SectionAction
from example_site.inspections.emails import SectionChangedEmail, SectionCriticalEmail
from example_site.inspections.exceptions import IllegalTransition
from example_site.inspections.history import history_of
from example_site.inspections.models import Section

GOOD, ATTENTION, CRITICAL = Section.Rating.GOOD, Section.Rating.ATTENTION, Section.Rating.CRITICAL


def form_data(**changes) -> dict:
    return {"title": "Fire doors", "rating": GOOD, "finding": "They close.", "position": 1, **changes}


def test_a_new_section_is_recorded_with_its_rating(audit_outbox, client, draft, inspector):
    client.force_login(inspector)
    response = client.post(reverse("section_add", args=[draft.pk]), form_data(rating=ATTENTION))
    assert response["Location"] == draft.get_absolute_url()
    [event] = audit_outbox.recorded()
    assert (event.action, event.actor) == (SectionAction.ADDED, inspector)
    assert event.target == draft.sections.get()
    assert event.changes == {"rating": [None, "attention"], "finding": [None, "They close."]}
    assert [ancestor["repr"] for ancestor in event.ancestors] == ["Fire safety, Tower 7", "Tower 7"]


def test_a_new_section_comes_last_unless_a_position_is_given(client, draft, inspector):
    draft.add_section("Doors")
    draft.add_section("Stairs")
    client.force_login(inspector)
    assert 'value="3"' in client.get(reverse("section_add", args=[draft.pk])).text
    draft.add_section("Roof", position=1)
    assert [str(section) for section in draft.sections.all()] == ["Doors", "Roof", "Stairs"]


def test_the_page_shows_sections_in_their_order(client, draft, owner):
    draft.add_section("Stairs", CRITICAL, "Blocked.")
    draft.add_section("Doors", position=0)
    client.force_login(owner)
    page = client.get(draft.get_absolute_url()).text
    assert page.index("Doors") < page.index("Stairs") < page.index("Blocked.")
    assert "badge-critical" in page


def test_an_edit_is_recorded_with_what_changed(audit_outbox, client, draft, reviewer):
    section = draft.add_section("Fire doors", GOOD, "They close.")
    audit_outbox.clear()
    client.force_login(reviewer)
    response = client.post(
        reverse("section_edit", args=[section.pk]), form_data(finding="They close.\r\nSlowly.")
    )
    assert response["Location"] == section.get_absolute_url()
    [event] = audit_outbox.recorded()
    assert (event.action, event.actor, event.target) == (SectionAction.EDITED, reviewer, section)
    assert event.changes == {"finding": ["They close.", "They close.\nSlowly."]}


def test_an_edit_that_changes_nothing_records_nothing(audit_outbox, client, draft, inspector):
    section = draft.add_section("Fire doors", GOOD, "They close.\nSlowly.")
    audit_outbox.clear()
    client.force_login(inspector)
    url = reverse("section_edit", args=[section.pk])
    client.post(url, form_data(finding="They close.\r\nSlowly."))
    assert audit_outbox.recorded() == []


def test_removal_asks_first_and_keeps_what_was_written(audit_outbox, client, draft, inspector):
    section = draft.add_section("Fire doors", GOOD, "They close.")
    audit_outbox.clear()
    client.force_login(inspector)
    url = reverse("section_remove", args=[section.pk])
    assert "Remove “Fire doors”?" in client.get(url).text
    assert client.post(url)["Location"] == draft.get_absolute_url()
    assert not Section.objects.exists()
    [event] = audit_outbox.recorded()
    assert (event.action, event.target_repr) == (SectionAction.REMOVED, "Fire doors")
    assert event.snapshot["finding"] == "They close."


@pytest.mark.parametrize("values", [{"title": ""}, {"rating": "awful"}, {"position": "-1"}])
def test_an_invalid_section_shows_the_form_again(audit_outbox, client, draft, inspector, values):
    client.force_login(inspector)
    response = client.post(reverse("section_add", args=[draft.pk]), form_data(**values))
    assert 'aria-invalid="true"' in response.text
    assert not Section.objects.exists()
    assert audit_outbox.recorded() == []


@pytest.mark.parametrize("name", ["section_add", "section_edit", "section_remove"])
def test_only_the_two_who_work_on_an_inspection_touch_its_sections(
    client, draft, inspector, reviewer, superuser, other_inspector, owner, other_owner, name
):
    section = draft.add_section("Fire doors")
    url = reverse(name, args=[draft.pk if name == "section_add" else section.pk])
    statuses = {
        inspector: 200,
        reviewer: 200,
        superuser: 200,
        other_inspector: 403,
        owner: 403,
        other_owner: 404,
    }
    for user, status in statuses.items():
        client.force_login(user)
        assert client.get(url).status_code == status
        if status != 200:
            assert client.post(url, form_data()).status_code == status


def test_the_sections_of_a_completed_inspection_are_final(client, ready, reviewer, superuser):
    section = ready.add_section("Fire doors")
    ready.complete(by=reviewer)
    with pytest.raises(IllegalTransition):
        ready.add_section("Stairs")
    client.force_login(superuser)
    for url in (
        reverse("section_add", args=[ready.pk]),
        reverse("section_edit", args=[section.pk]),
        reverse("section_remove", args=[section.pk]),
    ):
        response = client.post(url, form_data(title="Other"), follow=True)
        assert "A completed inspection can no longer be changed." in response.text
    assert [str(section) for section in ready.sections.all()] == ["Fire doors"]


def test_they_belong_to_the_history_by_name(draft, inspector):
    draft.add_section("Fire doors", by=inspector).remove(by=inspector)
    assert [(entry.label, entry.part) for entry in history_of(draft)] == [
        ("Section removed", "Fire doors"),
        ("Section added", "Fire doors"),
    ]


def test_a_critical_finding_tells_owner_and_reviewer_at_once(audit_outbox, draft, inspector, owner, reviewer):
    section = draft.add_section("Railing", CRITICAL, "Rusted < 1 cm left & loose", by=inspector)
    for person in (owner, reviewer):
        email = audit_outbox.one(SectionCriticalEmail, to=person)
        email.assert_subject("Critical finding: Railing")
        email.assert_contains("Inspector North rated this section", "Fire safety, Tower 7")
        email.assert_contains("Rusted < 1 cm left & loose", "7 Station Square")
        email.assert_link(f"https://site.example{section.get_absolute_url()}")
    audit_outbox.assert_no_more()


def test_a_section_that_becomes_critical_tells_them_once(audit_outbox, draft, inspector, owner, reviewer):
    section = draft.add_section("Railing", ATTENTION, by=inspector)
    audit_outbox.assert_nothing_sent()
    with section.editing(by=inspector):
        Section.objects.update(rating=CRITICAL)
    audit_outbox.one(SectionCriticalEmail, to=owner)
    audit_outbox.one(SectionCriticalEmail, to=reviewer)
    with section.editing(by=inspector):
        Section.objects.update(finding="It was rusted.")
    with section.editing(by=inspector):
        Section.objects.update(rating=GOOD)
    audit_outbox.assert_no_more()


def test_a_critical_finding_that_is_removed_at_once_tells_nobody(audit_outbox, draft, inspector):
    draft.add_section("Railing", CRITICAL, by=inspector).remove(by=inspector)
    audit_outbox.assert_nothing_sent()


def test_the_section_of_a_removed_inspection_fails_nothing(audit_outbox, ready, inspector, owner):
    ready.add_section("Railing", CRITICAL, by=inspector)
    ready.remove(by=inspector)
    audit_outbox.assert_not_sent(SectionCriticalEmail)
    audit_outbox.assert_not_sent(SectionChangedEmail)
    audit_outbox.one(to=owner).assert_subject("Fire safety, Tower 7 was removed")


def test_a_draft_is_written_in_peace(audit_outbox, draft, inspector):
    section = draft.add_section("Fire doors", by=inspector)
    with section.editing(by=inspector):
        Section.objects.update(finding="They close.")
    section.remove(by=inspector)
    audit_outbox.assert_nothing_sent()


def test_a_change_during_a_review_tells_the_other_of_the_two(audit_outbox, ready, inspector, reviewer):
    section = ready.add_section("Fire doors", GOOD, "They close.", by=inspector)
    email = audit_outbox.one(SectionChangedEmail, to=reviewer)
    email.assert_subject("Fire safety, Tower 7: section added")
    email.assert_contains("Inspector North added the section “Fire doors”", "They close.")
    with section.editing(by=reviewer):
        Section.objects.update(rating=ATTENTION)
    email = audit_outbox.one(SectionChangedEmail, to=inspector)
    email.assert_subject("Fire safety, Tower 7: section edited")
    email.assert_contains("Good → Needs attention")
    email.assert_link(ready.get_absolute_url())
    audit_outbox.assert_not_sent(to=ready.building.owner, because="not_asked")
    audit_outbox.assert_no_more()


def test_a_section_removed_during_a_review_is_still_named(audit_outbox, ready, inspector, reviewer):
    ready.sections.create(title="Fire doors").remove(by=inspector)
    email = audit_outbox.one(SectionChangedEmail, to=reviewer)
    email.assert_subject("Fire safety, Tower 7: section removed")
    email.assert_contains("Inspector North removed the section “Fire doors”")


def test_the_reviewer_gets_one_mail_about_a_critical_finding(audit_outbox, ready, inspector, reviewer, owner):
    ready.add_section("Railing", CRITICAL, by=inspector)
    audit_outbox.one(SectionCriticalEmail, to=owner)
    audit_outbox.one(to=reviewer)
    audit_outbox.assert_not_sent(SectionChangedEmail, to=inspector, because="actor")
    audit_outbox.assert_no_more()


def test_a_section_that_cannot_be_recorded_is_not_there_and_tells_nobody(audit_outbox, draft, monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("it fails")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr("example_site.inspections.models.inspections.record", fail)
        draft.add_section("Railing", CRITICAL)
    assert not Section.objects.exists()
    audit_outbox.assert_nothing_sent()
