"""The page on which people choose what they are told, and how soon."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import reverse

from notifyaudit import AuditEmail, mute, record, subscribe
from notifyaudit.actions import SubscriptionAction
from notifyaudit.choosing.wishes import SHOWN
from notifyaudit.links import name_of, preferences_token
from notifyaudit.models import AuditEvent, Preference, Subscription
from notifyaudit.preferring import preference_of
from notifyaudit.recipients import Recipient
from notifyaudit.tasks import sweep
from tests.integration.concurrency import on_its_own_connection
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Ticket

pytestmark = pytest.mark.django_db

FIELD = "kind-test.kind"
ADDRESS = "Facility@x.example"


@pytest.fixture
def page():
    return reverse("notifyaudit:preferences")


@pytest.fixture
def signed_in(client, user):
    client.force_login(user)
    return client


@pytest.fixture
def address_page():
    """The page of a plain address that has got a mail."""
    with email_kind([ADDRESS]):
        record(DocumentAction.FILED)
        sweep()
    return page_of(Preference.objects.get(address=ADDRESS))


def page_of(preference):
    return reverse("notifyaudit:preferences", args=[preferences_token(f"p{preference.pk}")])


def parsed(html):
    return BeautifulSoup(html, "html.parser")


def rows():
    names = ("subscriber_key", "matter", "name", "target_id", "muted", "frequency")
    return list(Subscription.objects.order_by("pk").values_list(*names))


def changes():
    return [event.changes for event in AuditEvent.objects.filter(action__startswith="notifyaudit.")]


# Kinds of email


@pytest.mark.parametrize(
    ("choice", "row"),
    [
        ("immediate", (False, "immediate")),
        ("hourly", (False, "hourly")),
        ("daily", (False, "daily")),
        ("weekly", (False, "weekly")),
        ("off", (True, "")),
    ],
)
def test_a_kind_of_email_has_a_row_and_as_usual_none(signed_in, user, page, choice, row):
    with email_kind():
        signed_in.post(page, {FIELD: choice})
        assert rows() == [(f"user:{user.pk}", "email", "test.kind", "", *row)]
        signed_in.post(page, {FIELD: ""})
    assert rows() == []


def test_a_mandatory_kind_is_fixed(signed_in, page):
    with email_kind(mandatory=True, label="Alarms"):
        text = signed_in.get(page).content.decode()
        signed_in.post(page, {FIELD: "off"})
    assert "Always, immediately" in text
    assert FIELD not in text
    assert rows() == []


def test_bases_and_digests_are_not_among_the_kinds(signed_in, page):
    with email_kind(label="Filed things", description="What went into the archive."):

        class BaseOfOthersEmail(AuditEmail):
            pass

        text = signed_in.get(page).content.decode()
    assert "Filed things" in text
    assert "What went into the archive." in text
    assert "Base of others" not in text
    assert "kind-notifyaudit" not in text


def test_what_was_subscribed_without_a_frequency_is_shown_with_that_of_the_class(signed_in, user, page):
    with email_kind() as kind:
        subscribe(user, kind)
        select = parsed(signed_in.get(page).content.decode()).find("select", {"name": FIELD})
        assert select.find("option", selected=True)["value"] == "immediate"
        signed_in.post(page, {FIELD: "immediate"})
    assert [row[-1] for row in rows()] == [""], "nothing was changed, so nothing is written"


@pytest.mark.parametrize("choice", ["sometimes", "OFF", "immediate\0"])
def test_a_choice_that_there_is_not_is_refused_where_it_was_made(signed_in, page, choice):
    with email_kind():
        response = signed_in.post(page, {FIELD: choice, "timezone": "Europe/Vienna"})
    assert response.status_code == 422
    select = parsed(response.content.decode()).find("select", {"name": FIELD})
    assert select["aria-invalid"] == "true"
    assert rows() == []
    assert not Preference.objects.exists(), "all is saved, or nothing"


def test_kinds_that_there_are_not_are_left_alone(signed_in, page):
    signed_in.post(page, {"kind-no.such": "daily", "row-7": "daily", "kind-": "off"})
    assert rows() == []
    assert changes() == []


# When and how somebody reads


def test_clock_and_language_are_kept(signed_in, user, page, settings):
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    signed_in.post(
        page, {"timezone": "Asia/Kathmandu", "digest_hour": "17", "digest_weekday": "4", "language": "de"}
    )
    saved = Preference.objects.get()
    assert (saved.user, saved.timezone, saved.digest_hour) == (user, "Asia/Kathmandu", 17)
    assert (saved.digest_weekday, saved.language) == (4, "de")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timezone", "Europe/Nowhere"),
        ("timezone", "../../etc/passwd"),
        ("digest_hour", "24"),
        ("digest_hour", "eight"),
        ("digest_weekday", "7"),
        ("language", "xx"),
    ],
)
def test_a_clock_that_there_is_not_is_refused_where_it_was_entered(signed_in, page, settings, field, value):
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    response = signed_in.post(page, {field: value})
    assert response.status_code == 422
    found = parsed(response.content.decode())
    assert found.find("select", {"name": field})["aria-invalid"] == "true"
    assert "Nothing was saved" in found.find(role="status").text
    assert not Preference.objects.exists()


def test_one_language_is_no_choice(signed_in, page):
    assert 'name="language"' not in signed_in.get(page).content.decode()


def test_what_is_not_sent_stays_as_it_is(signed_in, user, page):
    Preference.objects.create(user=user, timezone="Asia/Tokyo", digest_hour=5)
    signed_in.post(page, {"digest_weekday": "3"})
    saved = Preference.objects.get()
    assert (saved.timezone, saved.digest_hour, saved.digest_weekday) == ("Asia/Tokyo", 5, 3)


# Objects, and what else was said


def test_a_watched_object_is_told_of_at_another_hour(signed_in, user, page, document):
    watch = subscribe(user, "document.*", target=document, frequency="daily", where={"kind": "plan"})
    signed_in.post(page, {f"row-{watch.pk}": "weekly"})
    watch.refresh_from_db()
    assert (watch.frequency, watch.condition) == ("weekly", {"kind": "plan"})
    assert Subscription.objects.count() == 1


def test_objects_stand_there_with_what_is_told_of_them(signed_in, user, page, document, folder):
    subscribe(user, DocumentAction.FILED, target=document, where={"kind__in": ["plan", "letter"]})
    mute(user, target=folder)
    found = parsed(signed_in.get(page).content.decode())
    watched = found.find(id="watched").text
    assert "Plan A" in watched
    assert "Document filed, if sort of paper becomes one of A plan, A letter" in watched
    assert "Inner" in found.find(id="muted").text


def test_each_row_can_be_ended(signed_in, user, page, document, folder):
    subscribe(user, "*", target=document)
    mute(user, target=folder)
    subscribe(user, "document.*", where={"kind": "plan"})
    subscribe(user, DocumentAction.FILED)
    with email_kind() as kind:
        subscribe(user, kind, where={"kind__was": "plan"})
    mute(user)
    buttons = parsed(signed_in.get(page).content.decode()).find_all("button", {"name": "end"})
    keys = Subscription.objects.values_list("key", flat=True)
    assert sorted(button["value"] for button in buttons) == sorted(keys)
    for button in buttons:
        response = signed_in.post(page, {"end": button["value"]}, follow=True)
    assert rows() == []
    assert "That has ended." in response.content.decode()
    assert len(changes()) == 6


def test_an_object_that_is_gone_can_be_forgotten(signed_in, user, page, document):
    subscribe(user, "*", target=document)
    Document.objects.all().delete()
    found = parsed(signed_in.get(page).content.decode())
    assert "Document that is gone" in found.find(id="watched").text
    assert not found.find(id="watched").find("select")
    signed_in.post(page, {"end": found.find(id="watched").button["value"]})
    assert rows() == []


def test_an_object_whose_name_cannot_be_had_keeps_nobody_from_the_page(signed_in, user, page):
    subscribe(user, "*", target=Ticket.objects.create())
    assert "Ticket" in parsed(signed_in.get(page).content.decode()).find(id="watched").text


def test_what_a_group_is_told_is_shown_to_its_members(signed_in, user, page, document):
    group = Group.objects.create(name="Archivists")
    subscribe(group, DocumentAction.FILED, frequency="weekly")
    subscribe(Group.objects.create(name="Others"), DocumentAction.REMOVED)
    user.groups.add(group)
    found = parsed(signed_in.get(page).content.decode())
    groups = found.find(id="groups").text
    assert "As a member of Archivists" in groups
    assert "Weekly" in groups
    assert "Document removed" not in groups
    assert not found.find_all("button", {"name": "end"})


def test_a_class_that_this_code_does_not_know_any_more_can_be_ended(signed_in, user, page):
    with email_kind() as kind:
        subscribe(user, kind)
    found = parsed(signed_in.get(page).content.decode())
    assert "test.kind" in found.find(id="others").text
    signed_in.post(page, {"end": found.find(id="others").button["value"]})
    assert rows() == []


def test_to_ask_for_a_kind_of_email_ends_the_silence_and_says_so(signed_in, user, page):
    mute(user)
    assert "Everything is off" in signed_in.get(page).content.decode()
    with email_kind(label="Filed things"):
        signed_in.post(page, {FIELD: "daily"})
    assert [row[1] for row in rows()] == ["email"]
    assert changes() == [{"Filed things": ["As usual: immediately", "Daily"], "Everything": ["Off", "–"]}]


# Other people


def test_whoever_is_not_signed_in_is_sent_to_sign_in(client, page):
    assert client.get(page).url == f"/login/?next={page}"
    assert client.post(page, {"timezone": "Europe/Vienna"}).url == f"/login/?next={page}"
    assert not Preference.objects.exists()


def test_nobody_sees_or_changes_what_others_have_said(signed_in, other, page, document):
    watch = subscribe(other, "*", target=document, frequency="daily")
    Preference.objects.create(user=other, timezone="Asia/Tokyo")
    text = signed_in.get(page).content.decode()
    assert "Plan A" not in text
    assert watch.key not in text
    signed_in.post(page, {f"row-{watch.pk}": "weekly"})
    signed_in.post(page, {"end": watch.key})
    watch.refresh_from_db()
    assert watch.frequency == "daily"
    assert changes() == []


def test_a_forged_request_is_refused(user, page):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    assert browser.post(page, {"timezone": "Europe/Vienna"}).status_code == 403


def test_nobody_keeps_the_page(signed_in, page):
    assert "no-store" in signed_in.get(page)["Cache-Control"]


@pytest.mark.parametrize("app_dirs", [True, False])
def test_a_project_puts_the_page_into_its_own_layout(signed_in, page, settings, tmp_path, app_dirs):
    (tmp_path / "notifyaudit").mkdir()
    (tmp_path / "notifyaudit" / "page.html").write_text(
        "<html><h1>Ours, {{ user }}</h1>{% block content %}{% endblock %}</html>", encoding="utf-8"
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path], "APP_DIRS": app_dirs}]
    text = signed_in.get(page).content.decode()
    assert "Ours, owner" in text
    assert "notifyaudit-form" in text


def test_a_project_adds_to_a_block_of_the_page(signed_in, page, settings, tmp_path):
    (tmp_path / "notifyaudit").mkdir()
    (tmp_path / "notifyaudit" / "preferences.html").write_text(
        '{% extends "notifyaudit/preferences.html" %}'
        "{% block reading %}{{ block.super }}<p>Ours</p>{% endblock %}",
        encoding="utf-8",
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    text = signed_in.get(page).content.decode()
    assert "<p>Ours</p>" in text
    assert "Time zone" in text


# Plain addresses


def test_an_address_chooses_without_signing_in(client, address_page):
    with email_kind([ADDRESS]):
        response = client.get(address_page)
        client.post(address_page, {FIELD: "off", "timezone": "Asia/Tokyo"})
        record(DocumentAction.FILED)
        sweep()
    assert [row[:2] for row in rows()] == [("mail:facility@x.example", "email")]
    assert Preference.objects.get().timezone == "Asia/Tokyo"
    assert response["Referrer-Policy"] == "no-referrer"
    (event,) = AuditEvent.objects.filter(action=SubscriptionAction.PREFERENCES_CHANGED)
    assert event.actor_id == ""
    assert address_page not in str(vars(event))
    assert "facility" not in str(vars(event)).casefold()


def test_an_address_is_shown_in_part_only(client, address_page):
    text = client.get(address_page).content.decode()
    assert "F…@x.example" in text
    assert "acility@" not in text


def test_an_address_is_offered_only_what_it_knows(client, address_page):
    with email_kind(), email_kind(name="SecretEmail", key="test.secret", label="Secrets"):
        text = client.get(address_page).content.decode()
        assert "Secrets" not in text
        for choice in ("daily", "immediate"):
            assert client.post(address_page, {FIELD: choice}).status_code == 422
        client.post(address_page, {"kind-test.secret": "daily"})
    assert rows() == []


def test_an_address_with_a_subscription_chooses_how_soon(client, address_page):
    with email_kind() as kind:
        subscribe(ADDRESS, kind, frequency="daily")
        client.post(address_page, {FIELD: "weekly"})
    assert [row[-1] for row in rows()] == ["weekly"]


def test_an_address_reads_in_its_language(client, address_page, settings):
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    Preference.objects.update(language="de")
    assert "Montag" in client.get(address_page).content.decode()


@pytest.mark.parametrize("end", ["x", "x/", "%00/"])
def test_a_link_that_is_tampered_with_tells_nothing(client, address_page, end):
    response = client.get(f"{address_page.rstrip('/')}{end}", follow=True)
    assert response.status_code == 400
    assert "x.example" not in response.content.decode()


def test_a_link_of_nobody_tells_nothing(client, address_page):
    Preference.objects.all().delete()
    assert client.get(address_page).status_code == 400


def test_the_link_of_a_user_leads_to_where_they_sign_in(client, user, page):
    own = Preference.objects.create(user=user)
    recipient = Recipient.of(user)
    for name in (f"p{own.pk}", name_of(recipient.user_id, preference_of(recipient))):
        response = client.post(reverse("notifyaudit:preferences", args=[preferences_token(name)]))
        assert response.url == page
    assert client.get(response.url).url.startswith("/login/")


# The ledger


def test_what_was_changed_is_recorded_once_and_as_people_read_it(signed_in, user, page, document):
    watch = subscribe(user, "*", target=document, frequency="daily")
    sent = {FIELD: "off", f"row-{watch.pk}": "weekly", "digest_weekday": "6", "timezone": "Europe/Vienna"}
    with email_kind(label="Filed things"):
        signed_in.post(page, sent)
        signed_in.post(page, sent)
    (event,) = AuditEvent.objects.all()
    assert event.action == SubscriptionAction.PREFERENCES_CHANGED
    assert event.actor == user
    assert event.changes == {
        "Filed things": ["As usual: immediately", "Off"],
        "Plan A": ["Daily", "Weekly"],
        "Time zone": ["Automatic (UTC)", "Europe/Vienna"],
        "Day of weekly digests": ["Monday", "Sunday"],
    }


def test_who_watches_everything_is_not_told_of_it(signed_in, user, page, mailoutbox):
    subscribe(user, "*")
    with email_kind(actions=["*"], recipients=[user], notify_actor=True):
        signed_in.post(page, {"timezone": "Europe/Vienna"})
        sweep()
    assert len(changes()) == 1
    assert mailoutbox == []


# Cost, and two at once


def test_a_hundred_objects_cost_no_more_queries_than_two(
    signed_in, user, page, folder, django_assert_max_num_queries
):
    def watch(number):
        for index in range(number):
            subscribe(user, "*", target=Document.objects.create(title=f"Plan {index}", folder=folder))
            subscribe(user, "*", target=Ticket.objects.create())

    watch(2)
    with django_assert_max_num_queries(20) as few:
        signed_in.get(page)
    watch(50)
    with django_assert_max_num_queries(len(few)):
        signed_in.get(page)


def test_more_than_a_form_can_hold_are_counted(signed_in, user, page):
    key = f"user:{user.pk}"
    Subscription.objects.bulk_create(
        Subscription(
            key=f"{number}",
            subscriber_key=key,
            user_id=str(user.pk),
            matter="pattern",
            name="*",
            target_type="testapp.Document",
            target_id=str(number),
        )
        for number in range(SHOWN + 3)
    )
    found = parsed(signed_in.get(page).content.decode())
    assert len(found.find(id="watched").find_all("li")) == SHOWN
    assert "And 3 more that are not shown." in found.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="one connection in memory")
def test_two_saves_at_once_are_both_answered(user, page):
    both = threading.Barrier(2, timeout=30)

    def save(choice):
        browser = Client()
        browser.force_login(user)
        both.wait()
        sent = {FIELD: choice, "timezone": "Europe/Vienna", "digest_hour": "5"}
        return browser.post(page, sent).status_code

    with email_kind(), ThreadPoolExecutor(2) as pool:
        for first, second in [("daily", "weekly"), ("off", "hourly"), ("", "daily"), ("off", "")]:
            answers = [pool.submit(on_its_own_connection, save, choice) for choice in (first, second)]
            assert [answer.result(timeout=60) for answer in answers] == [302, 302]
            assert Subscription.objects.count() <= 1
            assert Preference.objects.count() == 1


# Taking part


def test_who_takes_part_can_choose_not_to_watch_by_it(signed_in, user, page):
    with email_kind(auto_subscribe=True):
        answer = signed_in.get(page)
        assert "Watch what I work on" in answer.content.decode()
        signed_in.post(page, {"auto_subscribe": "False"})
        assert Preference.objects.get(user=user).auto_subscribe is False
        signed_in.post(page, {"digest_hour": "9"})
        assert Preference.objects.get(user=user).auto_subscribe is False
        signed_in.post(page, {"auto_subscribe": "True"})
    assert Preference.objects.get(user=user).auto_subscribe is True
    assert changes()[0] == {"Watch what I work on": ["Yes", "No"]}


def test_where_nobody_watches_by_taking_part_there_is_nothing_to_choose(signed_in, page):
    with email_kind():
        assert "Watch what I work on" not in signed_in.get(page).content.decode()


def test_an_address_does_not_take_part(client, address_page):
    with email_kind(auto_subscribe=True):
        assert "Watch what I work on" not in client.get(address_page).content.decode()
