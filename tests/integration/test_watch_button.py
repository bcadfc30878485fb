"""The button by which somebody watches one object."""

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth.models import AnonymousUser, Group
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, RequestContext, Template
from django.test import Client, RequestFactory
from django.urls import reverse
from jinja2 import Environment

from notifyaudit import mute, subscribe
from notifyaudit.exceptions import UnsavedTarget
from notifyaudit.jinja import watch_button
from notifyaudit.models import AuditEvent, Subscription
from notifyaudit.tokens import Purpose, sign
from tests.testapp.models import Credential, Document, Seat, Shelf, Ticket

pytestmark = pytest.mark.django_db

TEMPLATE = Template("{% load notifyaudit %}{% watch_button object %}")


@pytest.fixture
def signed_in(client, user):
    client.force_login(user)
    return client


@pytest.fixture
def button(user):
    """A function that renders the button for an object, as a soup."""

    def button(target, of=user, path="/plans/?page=2"):
        request = RequestFactory().get(path)
        request.user = of
        html = TEMPLATE.render(RequestContext(request, {"object": target}))
        return BeautifulSoup(html, "html.parser")

    return button


def press(client, button, choice, **options):
    form = button.form
    sent = {field["name"]: field["value"] for field in form.find_all("input")}
    return client.post(form["action"], {**sent, "choice": choice}, **options)


def rows():
    return list(Subscription.objects.order_by("pk").values_list("matter", "name", "muted", "frequency"))


def test_it_says_who_watches_and_how_soon(button, user, other, document):
    assert button(document).summary["aria-label"] == "Watch: Plan A"
    subscribe(user, "*", target=document, frequency="daily")
    subscribe(other, "*", target=document)
    subscribe(other, "document.*", target=document)
    subscribe(Group.objects.create(), "*", target=document)
    summary = button(document).summary
    assert summary["aria-label"] == "Watching (daily): Plan A. 2 people watch it."
    assert " ".join(summary.text.split()) == "Watching (daily) 2"
    mute(user, target=document)
    assert button(document).summary.text.startswith("Muted")


def test_each_choice_is_written_and_led_back_from(button, signed_in, document):
    for choice, expected in [
        ("immediate", [("pattern", "*", False, "immediate")]),
        ("weekly", [("pattern", "*", False, "weekly")]),
        ("mute", [("pattern", "*", False, "weekly"), ("everything", "", True, "")]),
        ("unmute", [("pattern", "*", False, "weekly")]),
        ("stop", []),
    ]:
        response = press(signed_in, button(document), choice)
        assert (response.status_code, response.url) == (302, "/plans/?page=2")
        assert rows() == expected
    assert [event.changes["Plan A"] for event in AuditEvent.objects.order_by("pk")] == [
        ["–", "Immediately"],
        ["Immediately", "Weekly"],
        ["Weekly", "Muted"],
        ["Muted", "Weekly"],
        ["Weekly", "–"],
    ]


def test_on_a_page_that_was_posted_to_it_leads_back_to_that(document, user):
    request = RequestFactory().post("/plans/7/", {"next": "/elsewhere/"})
    request.user = user
    found = BeautifulSoup(TEMPLATE.render(RequestContext(request, {"object": document})), "html.parser")
    assert found.find("input", {"name": "next"})["value"] == "/plans/7/"


def test_the_ledger_keeps_no_token(button, signed_in, document):
    press(signed_in, button(document), "daily")
    assert AuditEvent.objects.get().metadata["url"] == "/notifyaudit/watch/…/"


def test_what_changes_nothing_is_not_recorded(button, signed_in, document):
    press(signed_in, button(document), "stop")
    assert not AuditEvent.objects.exists()


def test_a_script_gets_the_button_as_it_is_now(button, signed_in, document):
    response = press(signed_in, button(document), "daily", headers={"X-Requested-With": "XMLHttpRequest"})
    found = BeautifulSoup(response.content, "html.parser")
    assert found.summary.text.startswith("Watching (daily)")
    assert found.find(attrs={"aria-live": "polite"}).text == "You are watching Plan A."
    assert found.find("button", {"aria-pressed": "true"})["value"] == "daily"
    assert found.find("input", {"name": "next"})["value"] == "/plans/?page=2"


def test_any_saved_object_has_one(button, signed_in):
    shelf = Shelf.objects.create(code="a b/c?<")
    for target in (Ticket.objects.create(), shelf):
        press(signed_in, button(target), "daily")
    assert Subscription.objects.count() == 2


def test_what_cannot_be_watched_is_refused_when_the_page_is_made(button):
    with pytest.raises(UnsavedTarget):
        button(Document())
    with pytest.raises(TypeError, match="a model instance is needed"):
        button("Plan A")
    with pytest.raises(TypeError, match=r"testapp\.Credential cannot be watched"):
        button(Credential.objects.create(session_key="x"))


def test_a_key_of_two_parts(button, signed_in):
    seat = Seat.objects.create(shelf=Shelf.objects.create(code="a"), number=7)
    press(signed_in, button(seat), "daily")
    assert Subscription.objects.get().target == seat


# Who may


def test_whoever_is_not_signed_in_has_a_link(button, document):
    found = button(document, of=AnonymousUser())
    assert found.a["href"] == "/login/?next=/plans/%3Fpage%3D2"
    assert not found.form


def test_whoever_has_signed_out_meanwhile_is_sent_to_sign_in(button, client, document):
    response = press(client, button(document), "daily")
    assert response.url == "/login/?next=/plans/%3Fpage%3D2"
    assert rows() == []


def test_nobody_watches_by_the_button_of_somebody_else(button, client, other, document):
    client.force_login(other)
    assert press(client, button(document), "daily").status_code == 400
    assert rows() == []


@pytest.mark.parametrize(
    "token", ["x", sign(Purpose.WATCH, "1"), sign(Purpose.PREFERENCES, "1", "testapp.Document", "1")]
)
def test_nobody_makes_up_a_button(signed_in, token):
    response = signed_in.post(reverse("notifyaudit:watch", args=[token]), {"choice": "daily"})
    assert response.status_code == 400
    assert rows() == []


def test_an_object_that_is_gone_cannot_be_watched(button, signed_in, document):
    found = button(document)
    Document.objects.all().delete()
    assert press(signed_in, found, "daily").status_code == 404


@pytest.mark.parametrize("choice", ["", "sometimes", "off"])
def test_a_choice_that_there_is_not_is_refused(button, signed_in, document, choice):
    assert press(signed_in, button(document), choice).status_code == 400
    assert rows() == []


def test_to_look_changes_nothing(button, signed_in, document):
    assert signed_in.get(button(document).form["action"]).status_code == 405


def test_a_forged_request_is_refused(button, user, document):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    assert browser.post(button(document).form["action"], {"choice": "daily"}).status_code == 403


@pytest.mark.parametrize(
    "path", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"]
)
def test_it_leads_to_no_other_site(button, signed_in, document, path):
    response = signed_in.post(button(document).form["action"], {"choice": "daily", "next": path})
    assert response.url == reverse("notifyaudit:preferences")


# Where it is put


def test_it_costs_two_queries(button, document, django_assert_num_queries):
    with django_assert_num_queries(2):
        button(document)


def test_a_template_without_a_request_is_told_so(document):
    with pytest.raises(ImproperlyConfigured, match="needs the request"):
        TEMPLATE.render(Context({"object": document}))


def test_in_jinja(user, document):
    environment = Environment(autoescape=True)
    environment.globals["watch_button"] = watch_button
    template = environment.from_string("{{ watch_button(object) }}")
    request = RequestFactory().get("/plans/")
    request.user = user
    html = template.render(object=document, request=request)
    assert BeautifulSoup(html, "html.parser").form["action"].startswith("/notifyaudit/watch/")
    with pytest.raises(ImproperlyConfigured, match="needs the request"):
        template.render(object=document)


def test_where_no_engine_looks_into_apps(user, document, settings, client):
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [], "APP_DIRS": False}
    ]
    request = RequestFactory().get("/plans/")
    request.user = user
    environment = Environment(autoescape=True)
    environment.globals["watch_button"] = watch_button
    html = environment.from_string("{{ watch_button(object) }}").render(object=document, request=request)
    assert "<summary" in html
    client.force_login(user)
    assert "notifyaudit/pages.css" in client.get(reverse("notifyaudit:preferences")).content.decode()


def test_names_are_text(button, document):
    Document.objects.update(title="<script>alert(1)</script>")
    document.refresh_from_db()
    assert not button(document).script
