"""The site's people choose what they are told: the watch button, and the preference centre."""

import pytest
from bs4 import BeautifulSoup
from django.urls import reverse

from example_site.inspections.actions import InspectionAction
from notifyaudit import track
from notifyaudit.models import AuditEvent, Subscription

PREFERENCES = "/notifyaudit/preferences/"


@pytest.fixture
def signed_in(client, other_inspector):
    """Somebody whom no email class names, and who sees every building."""
    client.force_login(other_inspector)
    return client


def soup(response):
    assert response.status_code == 200
    return BeautifulSoup(response.content, "html.parser")


def press(client, page, choice):
    form = soup(client.get(page)).find("form", class_="notifyaudit-watch-menu")
    sent = {field["name"]: field["value"] for field in form.find_all("input")}
    return client.post(form["action"], {**sent, "choice": choice})


def edit(inspection):
    with track(inspection, InspectionAction.EDITED):
        type(inspection).objects.filter(pk=inspection.pk).update(summary=f"{inspection.summary}.")
    inspection.refresh_from_db()


def test_who_watches_a_building_is_told_of_its_inspections(
    signed_in, building, draft, other_inspector, audit_outbox
):
    edit(draft)
    audit_outbox.assert_not_sent(to=other_inspector, because="not_asked")
    assert press(signed_in, building.get_absolute_url(), "immediate").url == building.get_absolute_url()
    edit(draft)
    audit_outbox.one(to=other_inspector).assert_subject(f"{draft} was edited")
    press(signed_in, building.get_absolute_url(), "stop")
    edit(draft)
    audit_outbox.one(to=other_inspector)


def test_an_inspection_has_the_button_too(signed_in, building, draft):
    press(signed_in, draft.get_absolute_url(), "weekly")
    assert Subscription.objects.get().target == draft


def test_each_page_leads_to_the_preferences_in_the_look_of_the_site(signed_in):
    header = soup(signed_in.get("/")).find("header")
    assert header.find("a", string="Notifications")["href"] == reverse("notifyaudit:preferences")
    page = soup(signed_in.get(PREFERENCES))
    assert page.find("header", class_="site-header")
    assert page.title.string == "Notifications · Building inspections"
    styles = [link["href"] for link in page.find_all("link", rel="stylesheet")]
    assert any(style.endswith("notifyaudit/pages.css") for style in styles)


def test_each_kind_of_email_of_the_site_is_there(signed_in):
    page = soup(signed_in.get(PREFERENCES))
    labels = [label.text for label in page.find(id="kinds-1").find_all("label")]
    assert labels == sorted(labels, key=str.casefold)
    assert {"Edited inspections", "Completed inspections", "New photos"} <= set(labels)


def test_the_history_of_an_object_does_not_tell_who_watches_it(signed_in, building, draft):
    press(signed_in, draft.get_absolute_url(), "weekly")
    assert not AuditEvent.objects.filter(target_type="inspections.Inspection").exists()
