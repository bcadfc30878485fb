"""Who may open and do what on the example site."""

import pytest
from django.urls import reverse

from example_site.inspections.models import Inspection
from tests.example.factories import upload

CHANGES = [
    "inspection_edit",
    "inspection_submit",
    "inspection_return",
    "inspection_complete",
    "inspection_remove",
    "section_add",
    "photo_add",
]


@pytest.mark.parametrize("name", ["building_list", "building", "inspection", "inspection_edit"])
def test_pages_are_for_the_signed_in(client, draft, name):
    args = {"building_list": [], "building": [draft.building.pk]}.get(name, [draft.pk])
    response = client.get(reverse(name, args=args))
    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


def test_the_login_page_opens_without_a_login(client, db):
    assert client.get(reverse("login")).status_code == 200


def test_an_owner_sees_only_their_own_buildings(client, draft, owner, other_owner):
    client.force_login(owner)
    assert "Tower 7" in client.get("/").text
    client.force_login(other_owner)
    assert "Tower 7" not in client.get("/").text
    assert client.get(draft.building.get_absolute_url()).status_code == 404
    assert client.get(draft.get_absolute_url()).status_code == 404


@pytest.mark.parametrize("name", CHANGES)
def test_strangers_to_an_inspection_change_nothing(
    audit_outbox, client, draft, other_inspector, owner, other_owner, name
):
    for user, status in ((other_inspector, 403), (owner, 403), (other_owner, 404)):
        client.force_login(user)
        assert client.post(reverse(name, args=[draft.pk])).status_code == status
    assert Inspection.objects.get().status == "draft"
    assert audit_outbox.recorded() == []


@pytest.mark.parametrize(
    ("name", "inspector_may", "reviewer_may"),
    [
        ("inspection_edit", True, True),
        ("inspection_submit", True, False),
        ("inspection_return", False, True),
        ("inspection_complete", False, True),
        ("inspection_reopen", False, False),
        ("inspection_remove", True, False),
        ("photo_add", True, False),
    ],
)
def test_each_part_has_its_own_rights(client, draft, inspector, reviewer, name, inspector_may, reviewer_may):
    for user, may in ((reviewer, reviewer_may), (inspector, inspector_may)):
        client.force_login(user)
        response = client.post(reverse(name, args=[draft.pk]))
        assert (response.status_code != 403) is may


@pytest.mark.parametrize("name", CHANGES)
def test_a_superuser_is_never_forbidden(client, draft, superuser, name):
    client.force_login(superuser)
    assert client.post(reverse(name, args=[draft.pk])).status_code in {200, 302, 422}


@pytest.mark.parametrize("name", ["inspection_submit", "inspection_complete", "photo_add"])
def test_a_get_never_changes_anything(audit_outbox, client, draft, superuser, name):
    client.force_login(superuser)
    assert client.get(reverse(name, args=[draft.pk])).status_code == 405
    assert audit_outbox.recorded() == []


def test_only_inspectors_schedule_inspections(client, building, inspector, reviewer, owner):
    url = f"{reverse('inspection_new')}?building={building.pk}"
    for user, status in ((inspector, 200), (reviewer, 403), (owner, 403)):
        client.force_login(user)
        assert client.get(url).status_code == status


@pytest.mark.parametrize("wanted", ["", "0", "x", "²", "99999999999999999999"])
def test_a_new_inspection_needs_a_building(client, inspector, wanted):
    client.force_login(inspector)
    assert client.get(reverse("inspection_new"), {"building": wanted}).status_code == 404


def test_the_file_of_a_photo_is_only_for_those_who_see_the_inspection(
    client, draft, inspector, owner, other_owner
):
    photo = draft.add_photo(upload(), by=inspector)
    client.force_login(owner)
    response = client.get(photo.get_absolute_url())
    assert (response.status_code, response["Content-Type"]) == (200, "image/png")
    assert b"".join(response.streaming_content).startswith(b"\x89PNG")
    client.force_login(other_owner)
    assert client.get(photo.get_absolute_url()).status_code == 404


def test_the_page_offers_only_what_is_allowed_now(client, draft, inspector, reviewer, owner):
    offered = {}
    for user in (inspector, reviewer, owner):
        client.force_login(user)
        page = client.get(draft.get_absolute_url()).text
        offered[user] = [name for name in CHANGES if reverse(name, args=[draft.pk]) in page]
    assert offered == {
        inspector: ["inspection_edit", "inspection_submit", "inspection_remove", "section_add", "photo_add"],
        reviewer: ["inspection_edit", "section_add"],
        owner: [],
    }


def test_only_the_owner_of_the_building_and_a_superuser_reopen(
    client, completed, inspector, reviewer, owner, other_owner, superuser
):
    url = reverse("inspection_reopen", args=[completed.pk])
    statuses = {inspector: 403, reviewer: 403, other_owner: 404, owner: 200, superuser: 200}
    for user, status in statuses.items():
        client.force_login(user)
        assert client.get(url).status_code == status
        assert client.post(url, {"reason": ""}).status_code == status
        if status != 404:
            assert (url in client.get(completed.get_absolute_url()).text) is (status == 200)
    assert Inspection.objects.get().status == "completed"
