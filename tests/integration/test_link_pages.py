"""The pages behind the links of a mail: they ask, they do what was asked, and they tell strangers nothing."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from django.core import mail
from django.core.cache import cache
from django.test import Client, RequestFactory, override_settings

from notifyaudit import clock, record, subscribe
from notifyaudit.links import Extent, Scope, preferences_token, unsubscribe_token
from notifyaudit.models import AuditEvent, Notification, Preference, Subscription
from notifyaudit.tasks import sweep
from notifyaudit.tokens import Purpose, read
from notifyaudit.views import unsubscribe
from tests.integration.kinds import email_kind
from tests.integration.test_emails import templates
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db

ADDRESS = "Ann.Reader@x.example"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
NO_ENGINE_LOOKS_INTO_APPS = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [], "APP_DIRS": False}
]


@pytest.fixture
def kind():
    with email_kind(
        [ADDRESS],
        label="Filed documents",
        description="One mail for each.",
        template_name="testapp/plain.html",
    ) as email_class:
        yield email_class


@pytest.fixture
def link(kind, document):
    """The path of the link in a mail about the document, to a plain address."""
    record(DocumentAction.FILED, target=document)
    sweep()
    return path_in(mail.outbox[-1])


@pytest.fixture
def strict():
    """A browser without a cookie, at a site that asks everybody for CSRF tokens."""
    return Client(enforce_csrf_checks=True)


def path_in(message):
    url = re.fullmatch("<(.*)>", message.extra_headers["List-Unsubscribe"])[1]
    return urlsplit(url).path


def page(response):
    return BeautifulSoup(response.content, "html.parser")


def options(response):
    return {
        each["value"]: (each.find_next("label").text, each.has_attr("checked"))
        for each in page(response).select("input[type=radio]")
    }


def rows():
    return list(Subscription.objects.values_list("matter", "name", "target_id", "muted"))


class TestAsking:
    def test_it_says_what_can_be_stopped_and_offers_what_the_mail_was(self, client, link):
        response = client.get(link)
        assert response.status_code == 200
        assert options(response) == {
            "o": ("Everything about “Plan A”", False),
            "e": ("Mail of the kind “Filed documents”", True),
            "a": ("All mail from site.example", False),
        }
        assert "One mail for each." in page(response).text

    def test_who_watches_is_offered_the_object_that_they_watch(self, client, user, document, mailoutbox):
        subscribe(user, DocumentAction.FILED, target=document.folder)
        with email_kind():
            record(DocumentAction.FILED, target=document)
            sweep()
            link = path_in(mailoutbox[0])
            assert options(client.get(link))["o"] == ("Everything about “Inner”", True)
            client.post(link, {"List-Unsubscribe": "One-Click"})
            record(DocumentAction.FILED, target=Document.objects.create(title="B", folder=document.folder))
            sweep()
        assert len(mailoutbox) == 1
        assert Notification.objects.latest("pk").skip_reason == "muted"

    def test_of_a_digest_there_is_no_object(self, client, user, audit_outbox):
        subscribe(user, DocumentAction.FILED, frequency="daily")
        record(DocumentAction.FILED)
        digest = audit_outbox.close_digests("daily").one()
        assert options(client.get(path_in(digest.content))) == {
            "e": ("Mail of the kind “Digest”", True),
            "a": ("All mail from site.example", False),
        }

    def test_the_name_of_what_is_gone_is_the_last(self, client, link, document):
        document.title = "Plan B"
        document.save()
        record(DocumentAction.REMOVED, target=document)
        document.delete()
        assert options(client.get(link))["o"][0] == "Everything about “Plan B”"

    def test_a_kind_that_is_mandatory_by_now_is_not_offered(self, client, link, kind, monkeypatch):
        monkeypatch.setattr(kind, "mandatory", True)
        assert options(client.get(link)) == {
            "o": ("Everything about “Plan A”", True),
            "a": ("All mail from site.example", False),
        }

    def test_a_kind_that_the_code_has_no_more_can_be_stopped(self, client, user):
        token = unsubscribe_token(f"u{user.pk}", Scope(extent=Extent.KIND, email_key="gone.Email"))
        path = f"/notifyaudit/unsubscribe/{token}/"
        assert "the kind that the link was in" in options(client.get(path))["e"][0]
        assert client.post(path, ONE_CLICK).status_code == 200
        assert rows() == [("email", "gone.Email", "", True)]

    @pytest.mark.parametrize("method", ["get", "head"])
    def test_it_changes_nothing(self, client, link, method):
        before = AuditEvent.objects.count()
        assert getattr(client, method)(link).status_code == 200
        assert (rows(), AuditEvent.objects.count()) == ([], before)

    @pytest.mark.parametrize("method", ["put", "delete", "patch"])
    def test_other_methods_are_refused(self, client, link, method):
        assert getattr(client, method)(link).status_code == 405
        assert rows() == []

    def test_it_is_in_the_readers_language(self, client, link):
        Preference.objects.filter(address=ADDRESS).update(language="de")
        response = client.get(link)
        assert page(response).html["lang"] == response["Content-Language"] == "de"

    def test_it_is_shown_without_engines_that_look_into_apps(self, client, link):
        with override_settings(TEMPLATES=NO_ENGINE_LOOKS_INTO_APPS):
            assert len(options(client.get(link))) == 3

    def test_a_projects_own_page_gives_it_its_look(self, client, link, settings, tmp_path):
        own = "<b>Our site</b>{% block content %}{% endblock %}"
        (tmp_path / "notifyaudit").mkdir()
        templates(settings, tmp_path, "django", {"notifyaudit/page.html": own})
        response = client.get(link)
        assert page(response).b.text == "Our site"
        assert len(options(response)) == 3


class TestStopping:
    @pytest.mark.parametrize(("extent", "matter"), [("e", "email"), ("o", "everything"), ("a", "everything")])
    def test_the_button_stops_what_was_chosen_and_offers_to_undo_it(
        self, strict, link, document, extent, matter
    ):
        response = strict.post(link, {"extent": extent})
        assert response.status_code == 303
        ((found, _, target_id, muted),) = rows()
        assert (found, target_id, muted) == (matter, str(document.pk) if extent == "o" else "", True)
        after = strict.get(response["Location"])
        assert page(after).select_one("[role=status]").text.strip()
        assert page(after).button.text == "Undo"

    def test_one_click_stops_what_the_mail_was_without_a_redirect(self, strict, link):
        response = strict.post(link, ONE_CLICK)
        assert response.status_code == 200
        assert rows() == [("email", "test.kind", "", True)]
        assert not response.cookies

    def test_one_click_works_as_multipart_and_as_a_form(self, strict, link):
        body = "List-Unsubscribe=One-Click"
        strict.post(link, body, content_type="application/x-www-form-urlencoded")
        assert strict.post(link, ONE_CLICK).status_code == 200
        assert AuditEvent.objects.filter(action="notifyaudit.unsubscribed").count() == 1

    def test_twice_leads_to_the_same_page(self, strict, link):
        first, second = (strict.post(link, {"extent": "e"})["Location"] for _ in range(2))
        assert first == second

    def test_what_is_not_offered_is_not_stopped(self, strict, link):
        response = strict.post(link, {"extent": "x"})
        assert response.status_code == 400
        assert page(response).select_one("[role=alert]")
        assert rows() == []

    def test_what_was_stopped_is_told_no_more(self, strict, link, mailoutbox):
        strict.post(link, ONE_CLICK)
        mailoutbox.clear()
        record(DocumentAction.FILED)
        sweep()
        assert mailoutbox == []

    def test_undoing_asks_first_and_says_that_it_is_done(self, strict, link):
        undo = strict.post(link, {"extent": "e"})["Location"]
        for method in (strict.get, strict.head):
            method(undo)
        assert len(rows()) == 1
        for _ in range(2):
            assert strict.post(undo)["Location"] == undo
            assert rows() == []
        after = page(strict.get(undo))
        assert after.h1.text == "Undone"
        assert not after.find("form")

    def test_the_event_does_not_hold_the_token(self, strict, link):
        undo = strict.post(link, {"extent": "e"})["Location"]
        strict.post(undo)
        stopped, undone = AuditEvent.objects.filter(action__startswith="notifyaudit.").order_by("pk")
        assert stopped.metadata["url"] == "/notifyaudit/unsubscribe/…/"
        assert undone.metadata["url"] == "/notifyaudit/undo/…/"

    def test_who_is_signed_in_is_not_the_one_who_is_unsubscribed(self, client, link, other):
        client.force_login(other)
        client.post(link, ONE_CLICK)
        assert Subscription.objects.get().address == ADDRESS
        assert AuditEvent.objects.get(action="notifyaudit.unsubscribed").actor is None


class TestStrangers:
    def test_a_link_tells_no_address(self, link):
        fields = read(Purpose.UNSUBSCRIBE, link.rstrip("/").rpartition("/")[2])
        assert not any("@" in field or "ann" in field.lower() for field in fields)

    @pytest.fixture
    def invalid(self, user):
        valid = unsubscribe_token(f"u{user.pk}", Scope(extent=Extent.EVERYTHING))
        payload, _, signature = valid.partition(".")
        other, _, _ = unsubscribe_token("u99", Scope(extent=Extent.EVERYTHING)).partition(".")
        return {
            "tampered": f"{payload}x.{signature}",
            "of another": f"{other}.{signature}",
            "unsigned": payload,
            "made for something else": preferences_token(f"u{user.pk}"),
            "nonsense": "x",
            "not ascii": "ü.é",
            "of a user who is gone": unsubscribe_token("u99999", Scope(extent=Extent.EVERYTHING)),
            "of an address that is gone": unsubscribe_token("p99999", Scope(extent=Extent.EVERYTHING)),
            "of a preview": unsubscribe_token("p0", Scope(extent=Extent.EVERYTHING)),
        }

    def test_whatever_is_wrong_with_a_link_the_answer_is_the_same(self, client, invalid, settings):
        settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "LINK_REQUESTS_PER_MINUTE": 100}
        answers = set()
        for token in invalid.values():
            for path in ("unsubscribe", "undo"):
                for method in (client.get, client.post):
                    response = method(f"/notifyaudit/{path}/{token}/")
                    answers.add((response.status_code, response.content))
        ((status, content),) = answers
        assert status == 400
        assert b"This link is not valid" in content
        assert rows() == []

    def test_pages_stay_with_the_reader(self, client, link, invalid):
        undo = client.post(link, {"extent": "e"})["Location"]
        for path in (link, undo, f"/notifyaudit/undo/{invalid['nonsense']}/"):
            response = client.get(path)
            assert response["Referrer-Policy"] == "no-referrer"
            assert response["Cache-Control"] == "no-store"
            assert response["X-Robots-Tag"] == "noindex"
            assert not response.cookies
            source = response.content.decode()
            assert not re.search(r"<script(?! src=\"/)| on\w+=|https?://", source)


class TestRate:
    @pytest.fixture(autouse=True)
    def low(self, settings):
        settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "LINK_REQUESTS_PER_MINUTE": 3}

    @pytest.fixture
    def minute(self):
        """A minute that has just begun, by the library's clock."""
        with clock.travelling():
            clock.advance(timedelta(seconds=60 - clock.now().timestamp() % 60))
            yield

    def test_a_reader_who_asks_too_often_waits_until_the_next_minute(self, client, link, minute):
        assert [client.get(link).status_code for _ in range(4)] == [200, 200, 200, 429]
        response = client.post(link, ONE_CLICK)
        assert response.status_code == 429
        assert 0 < int(response["Retry-After"]) <= 60
        assert rows() == []
        clock.advance(timedelta(seconds=int(response["Retry-After"])))
        assert client.post(link, ONE_CLICK).status_code == 200

    def test_readers_of_one_provider_do_not_share_a_rate(self, client, user, other, minute):
        for pk in [user.pk] * 4 + [other.pk]:
            token = unsubscribe_token(f"u{pk}", Scope(extent=Extent.EVERYTHING))
            last = client.post(f"/notifyaudit/unsubscribe/{token}/", ONE_CLICK)
        assert last.status_code == 200

    def test_strangers_are_counted_by_machine_and_readers_there_are_not_refused(self, client, link, minute):
        codes = [client.get(f"/notifyaudit/unsubscribe/{n}/").status_code for n in range(4)]
        assert codes == [400, 400, 400, 429]
        assert client.get("/notifyaudit/undo/x/").status_code == 429
        assert client.get("/notifyaudit/undo/x/", REMOTE_ADDR="10.0.0.9").status_code == 400
        assert client.get(link).status_code == 200

    def test_no_name_and_no_machine_stands_in_the_cache(self, client, link):
        client.get(link)
        client.get("/notifyaudit/undo/x/")
        keys = list(cache._cache)
        assert len(keys) == 2
        assert not any("127.0.0.1" in key or ":p" in key for key in keys)

    @pytest.mark.parametrize("backend", ["dummy.DummyCache", "redis.RedisCache"])
    def test_nobody_is_refused_because_the_cache_does_not_count(self, client, link, settings, backend):
        # Nothing listens there.
        place = {"LOCATION": "redis://127.0.0.1:1"}
        settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}", **place}}
        assert [client.post(link, ONE_CLICK).status_code for _ in range(5)] == [200] * 5


def test_the_view_needs_no_middleware(link):
    request = RequestFactory().post(link, ONE_CLICK)
    assert unsubscribe(request, token=link.rstrip("/").rpartition("/")[2]).status_code == 200
