"""The pages on which mails are looked at: who may, what there is, and that nothing is written."""

import re
from base64 import b64encode
from contextlib import suppress
from email import message_from_string

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from example_site.inspections.actions import InspectionAction
from example_site.inspections.emails import InspectionEditedEmail, ReportCreatedEmail
from example_site.inspections.models import Building, User
from notifyaudit import AuditEmail, DigestEmail, record
from notifyaudit.exceptions import WriteRefused
from notifyaudit.links import NOBODY, read_unsubscribe_token
from notifyaudit.models import AuditEvent, Message, Notification, Preference
from notifyaudit.previewing.guard import is_read
from tests.example.factories import PNG
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db

SAMPLE = classmethod(lambda cls: cls.sample(data={"note": "x"}))
LIST = "/notifyaudit/previews/"


@pytest.fixture
def open_to_all(settings):
    settings.DEBUG = True


@pytest.fixture
def look(client, open_to_all):
    """A function that opens the page of a class."""

    def look(email_class, query=""):
        response = client.get(url_of(email_class) + query)
        assert response.status_code == 200
        return BeautifulSoup(response.content, "html.parser")

    return look


def url_of(email_class):
    return reverse("notifyaudit:preview", args=[email_class.key])


def faults(page):
    return [" ".join(each.get_text().split()) for each in page.select(".notifyaudit-faults li")]


def frame(client, page, email_class):
    return client.get(url_of(email_class) + page.iframe["src"])


def subject(page):
    return page.select_one("#subject").get_text()


def head(page):
    return {
        row.dt.get_text(): " ".join(row.dd.get_text().split())
        for row in page.select(".notifyaudit-head > div")
    }


# Who


def test_who_is_not_signed_in_is_sent_to_do_so(client):
    response = client.get(LIST)
    assert response.status_code == 302
    assert response.url == f"/login/?next={LIST}"


@pytest.mark.parametrize(
    ("is_staff", "is_superuser", "permitted", "status"),
    [
        (False, False, False, 404),
        (True, False, False, 404),
        (False, False, True, 404),
        (True, False, True, 200),
        (True, True, False, 200),
    ],
)
def test_staff_with_the_permission_may_look(client, reviewer, is_staff, is_superuser, permitted, status):
    User.objects.filter(pk=reviewer.pk).update(is_staff=is_staff, is_superuser=is_superuser)
    if permitted:
        reviewer.user_permissions.add(Permission.objects.get(codename="preview_emails"))
    client.force_login(reviewer)
    for path in (LIST, url_of(InspectionEditedEmail), url_of(InspectionEditedEmail) + "?raw=1"):
        assert client.get(path).status_code == status
    assert client.post(url_of(InspectionEditedEmail)).status_code == (302 if status == 200 else 404)


def test_there_is_no_page_of_a_class_that_is_not_there(client, open_to_all):
    assert client.get("/notifyaudit/previews/nothing.NothingEmail/").status_code == 404


# What there is


def test_the_list_names_every_class_by_app_and_what_it_lacks(client, open_to_all):
    def fail(cls):
        raise LookupError("no building")

    def odd(cls):
        return "a mail"

    def write(cls):
        Building.objects.filter(pk=1).update(name="x")

    with (
        email_kind(name="BareEmail", key="test.bare", actions=["document.*"], mandatory=True),
        email_kind(name="FailingEmail", key="test.failing", preview=classmethod(fail)),
        email_kind(name="OddEmail", key="test.odd", preview=classmethod(odd)),
        email_kind(name="WritingEmail", key="test.writing", preview=classmethod(write)),
    ):
        response = client.get(LIST)
    assert response.headers["Cache-Control"] == "private, no-store"
    page = BeautifulSoup(response.content, "html.parser")
    said = {
        row.a["href"].split("/")[-2]: " ".join(row.get_text().split())
        for row in page.select("li.notifyaudit-kind")
    }
    edited = said["inspections.InspectionEditedEmail"]
    assert edited.startswith("Edited inspections What changed in the inspections that you work on.")
    assert "inspection.edited inspections.InspectionEditedEmail" in edited
    assert "review" not in edited
    assert "Digest notifyaudit.DigestEmail" in said["notifyaudit.DigestEmail"]
    assert "Mandatory document.*" in said["test.bare"]
    assert said["test.bare"].endswith("No preview")
    assert "LookupError: no building" in said["test.failing"]
    assert "test_previews.py:" in said["test.failing"]
    assert "preview() returned 'a mail'" in said["test.odd"]
    assert "A preview writes nothing" in said["test.writing"]
    assert "UPDATE" in said["test.writing"]


# What it looks like


def test_a_sample_is_shown_with_its_parts_and_leads_nowhere(client, look):
    page = look(InspectionEditedEmail)
    assert subject(page) == "Fire safety, Tower 7 was edited"
    assert head(page) == {
        "From": "Building inspections <inspections@example.com>",
        "To": "reviewer@example.com",
    }
    assert faults(page) == []
    assert page.iframe["sandbox"] == ["allow-popups", "allow-popups-to-escape-sandbox"]
    response = frame(client, page, InspectionEditedEmail)
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    token = re.search(r"/unsubscribe/([^/]+)/", response.content.decode())[1]
    assert read_unsubscribe_token(token)[0] == NOBODY
    assert "1 Dec 2026 → 4 Dec 2026" in look(InspectionEditedEmail, "?part=text").pre.get_text()
    headers = look(InspectionEditedEmail, "?part=headers").select_one(".notifyaudit-headers").get_text()
    assert "List-Unsubscribe" in headers
    assert "@site.example>" in headers
    source = look(InspectionEditedEmail, "?part=source").pre.get_text()
    assert message_from_string(source)["Auto-Submitted"] == "auto-generated"


def test_the_scheme_and_the_width_are_chosen_by_links(client, look):
    page = look(InspectionEditedEmail, "?scheme=dark&width=phone")
    assert {"notifyaudit-dark", "notifyaudit-phone"} <= set(page.iframe["class"])
    assert page.select_one("#scheme-light")["href"] == "?width=phone"
    assert "(prefers-color-scheme" not in frame(client, page, InspectionEditedEmail).content.decode()


def test_each_language_of_the_project_can_be_chosen(client, look, settings):
    assert look(InspectionEditedEmail).select("#languages-label") == []
    settings.LANGUAGES = [("en-gb", "English"), ("de", "German"), ("xx-own", "Own")]
    page = look(InspectionEditedEmail)
    chosen = [(link["id"], link.get("aria-current")) for link in page.select("[id^=language-]")]
    assert chosen == [("language-en-gb", "true"), ("language-de", None), ("language-xx-own", None)]
    with translation.override("en"):
        page = look(InspectionEditedEmail, page.select_one("#language-de")["href"])
        assert translation.get_language() == "en"
    assert page.select_one("#language-de")["aria-current"] == "true"
    assert "1. Dezember 2026" in frame(client, page, InspectionEditedEmail).content.decode()


def test_attachments_are_listed_and_those_made_later_are_not_made(look):
    def attachments(self):
        return [
            {"filename": "small.bin", "file": b"1234567", "mimetype": "application/x-own"},
            {"filename": "later.pdf", "file": lambda: pytest.fail("made"), "mimetype": "application/pdf"},
        ]

    assert head(look(ReportCreatedEmail))["Attached"].endswith("application/pdf, 8 bytes")
    with email_kind(get_attachments=attachments, preview=SAMPLE) as kind:
        page = look(kind)
    assert [" ".join(each.get_text().split()) for each in page.select(".notifyaudit-files li")] == [
        "small.bin application/x-own, 7 bytes",
        "later.pdf application/pdf, made when it is sent",
    ]


def test_an_image_that_the_mail_brings_is_shown_and_not_listed(client, look, settings, tmp_path):
    (tmp_path / "logo.html").write_text('<p>{{ data.note }}</p><img src="cid:logo" alt="Logo">')
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    image = {"filename": "logo.png", "file": lambda: PNG, "cid": "logo"}
    with email_kind(template_name="logo.html", attachment_list=[image], preview=SAMPLE) as kind:
        page = look(kind)
        html = frame(client, page, kind).content.decode()
    assert f'src="data:image/png;base64,{b64encode(PNG).decode()}"' in html
    assert page.select(".notifyaudit-files") == []


# Real events


def test_without_a_preview_it_is_about_the_latest_event_as_its_first_reader_sees_it(
    client, look, settings, ready, owner, reviewer
):
    settings.LANGUAGES = [("en-gb", "English"), ("de", "German")]
    Preference.objects.create(user=owner, language="de")

    def visible(self):
        assert self.recipient == owner
        return {name: change for name, change in self.event.readable_changes().items() if name == "title"}

    for title in ("older", "newest"):
        record(
            InspectionAction.EDITED, target=ready, changes={"title": ("", title), "summary": ("", "secret")}
        )
    record(InspectionAction.COMPLETED, target=ready)
    told = "{{ changes.title.new }}{{ changes.summary.new|default:'' }}"
    with email_kind(
        [owner, reviewer], actions=["inspection.e*"], subject=told, visible_changes=visible
    ) as kind:
        page = look(kind)
        assert subject(page) == "newest"
        assert head(page)["To"] == owner.email
        assert page.select_one("#language-de")["aria-current"] == "true"
        about = page.select("#event option")
        assert [option.get_text().split(" · ")[1] for option in about[1:]] == ["Inspection edited"] * 2
        assert [option.has_attr("selected") for option in about] == [False, True, False]
        page = look(kind, f"?event={about[2]['value']}")
    assert subject(page) == "older"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "nothing that it would tell of has happened yet"),
        ("?event=sample", "It has no preview"),
        ("?event=latest", "nothing that it would tell of"),
        ("?event=99999", "There is no event '99999'"),
        ("?event=²", "There is no event"),
    ],
)
def test_where_there_is_nothing_to_look_at_the_page_says_so(look, query, words):
    with email_kind() as kind:
        page = look(kind, query)
    (fault,) = faults(page)
    assert words in fault
    assert page.iframe is None


def test_an_event_of_another_action_is_refused(look, ready):
    event = record(InspectionAction.EDITED, target=ready)
    with email_kind() as kind:
        (fault,) = faults(look(kind, f"?event={event.pk}"))
    assert "is about 'inspection.edited', of which this class does not speak" in fault


def test_it_says_when_the_mail_would_not_leave(look):
    record(DocumentAction.FILED)
    with email_kind(["a@x.example"], should_send=lambda self: False) as kind:
        page = look(kind)
    assert "should_send() says no" in page.get_text()
    assert head(page)["To"] == "a@x.example"


# Digests


def test_a_project_without_time_zones_has_its_events_too(look, ready, settings):
    settings.USE_TZ = False
    event = record(InspectionAction.EDITED, target=ready, changes={"title": ("Lift", "Fire safety")})
    page = look(InspectionEditedEmail, "?event=latest")
    assert page.select_one("#event option[selected]")["value"] == str(event.pk)


def test_a_digest_tells_of_several_objects_by_samples_and_by_what_happened(client, look, ready, completed):
    page = look(DigestEmail)
    assert subject(page) == "Daily digest: Stairwell and 3 more"
    assert faults(page) == []
    record(InspectionAction.EDITED, target=ready, changes={"title": ("Lift", "Fire safety")})
    record(InspectionAction.REOPENED, target=completed, changes={"status": ("completed", "draft")})
    page = look(DigestEmail, "?event=latest")
    assert subject(page).endswith("and 1 more")
    text = look(DigestEmail, "?event=latest&part=text").pre.get_text()
    assert "Lift → Fire safety" in text
    assert "Completed → Draft" in text


def test_a_digest_is_not_about_what_a_mandatory_mail_tells_at_once(look):
    with email_kind(preview=SAMPLE, mandatory=True, label="Filed"):
        record(DocumentAction.FILED)
        offered = [option.get_text() for option in look(DigestEmail).select("#event option")]
    with email_kind(preview=SAMPLE):
        also = [option.get_text() for option in look(DigestEmail).select("#event option")]
    assert not any("Document filed" in label for label in offered)
    assert any("Document filed" in label for label in also)


def test_a_digest_of_a_class_of_its_own_has_the_preview_that_it_brings(look):
    with email_kind(
        bases=(DigestEmail,),
        actions=[],
        preview=classmethod(lambda cls: cls.sample(DocumentAction.FILED, data={"own": True})),
    ) as kind:
        assert subject(look(kind)) == "Daily digest: Document filed"


def test_an_attached_mail_is_one_attachment(look):
    mail = {"filename": "first.eml", "file": b"Subject: First\n\nHello\n", "mimetype": "message/rfc822"}
    with email_kind(preview=SAMPLE, get_attachments=lambda self: [mail]) as kind:
        attached = head(look(kind))["Attached"]
    assert "message/rfc822" in attached
    assert "0 bytes" not in attached.replace("\xa0", " ")
    assert "text/plain" not in attached


# What is wrong


def test_a_preview_may_be_static_and_one_that_is_no_classmethod_says_what_it_lacks(look):
    with email_kind(preview=staticmethod(InspectionEditedEmail.preview)) as kind:
        assert faults(look(kind)) == []
    with email_kind(preview=lambda cls: cls.sample()) as kind:
        assert "missing 1 required positional argument: 'cls'" in faults(look(kind))[0]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        (
            {"subject": "Hello {{ nobody }}"},
            "nobody is not defined. Give it in get_context_data(). subject:1",
        ),
        (
            {"template_name": "testapp/broken.html"},
            "in if tag testapp/broken.html:1",
        ),
        ({"template_name": "testapp/nowhere.html"}, "The template testapp/nowhere.html does not exist."),
        ({"get_context_data": lambda self: {}["x"]}, "KeyError: 'x'"),
        (
            {"subject": "{{ x|default:nobody }}"},
            "'nobody' is not defined. Give it in get_context_data(). subject:1",
        ),
        ({"subject": None}, "requires a subject"),
        ({"get_headers": lambda self: {"Subject": "x"}}, "InvalidHeader: The header 'Subject'"),
    ],
)
def test_what_is_wrong_is_told_and_where(look, attributes, words):
    with email_kind(**attributes, preview=SAMPLE) as kind:
        page = look(kind)
    (fault,) = faults(page)
    assert words in fault


def test_a_mail_that_writes_is_kept_from_it_and_told_of(look, ready):
    def context(self):
        ready.title = "written"
        ready.save()
        return {}

    def caught(self):
        with suppress(WriteRefused):
            context(self)
        return AuditEmail.get_context_data(self)

    with email_kind(get_context_data=context, preview=SAMPLE) as kind:
        page = look(kind)
    assert page.iframe is None
    assert faults(page)[0].startswith("WriteRefused: A preview writes nothing, so this is refused: UPDATE")
    assert f" {__file__}:" in faults(page)[0]
    with email_kind(get_context_data=caught, preview=SAMPLE) as kind:
        page = look(kind)
    assert faults(page)[0].startswith("It writes, and was kept from it: UPDATE")
    ready.refresh_from_db()
    assert ready.title != "written"


def test_no_page_writes_or_sends(client, open_to_all, ready, mailoutbox):
    record(InspectionAction.EDITED, target=ready, changes={"title": ("a", "b")})
    before = counts()
    with CaptureQueriesContext(connection) as queries:
        for email_class in (InspectionEditedEmail, DigestEmail):
            for query in ("", "?event=latest", "?event=latest&raw=1"):
                client.get(url_of(email_class) + query)
        client.get(LIST)
    written = [query["sql"] for query in queries if not is_read(query["sql"])]
    assert (written, len(queries) > 10) == ([], True)
    assert counts() == before
    assert mailoutbox == []


def counts():
    return [model.objects.count() for model in (AuditEvent, Message, Notification, Preference)]


# Send it to me


@pytest.fixture
def staff(client, reviewer):
    User.objects.filter(pk=reviewer.pk).update(is_staff=True, is_superuser=True)
    client.force_login(reviewer)
    return reviewer


def test_it_is_sent_to_whoever_asks_and_to_nobody_else(client, staff, mailoutbox):
    before = counts()
    with email_kind(
        cc_email_list=["cc@x.example"],
        bcc_email_list=["bcc@x.example"],
        preview=classmethod(lambda cls: cls.sample(recipient="other@x.example")),
    ) as kind:
        response = client.post(url_of(kind) + "?width=phone")
        assert response.status_code == 302
        assert response.url == f"{url_of(kind)}?width=phone&sent=1"
        page = BeautifulSoup(client.get(response.url).content, "html.parser")
    assert page.select_one("[role=status]").get_text() == f"It was sent to {staff.email}."
    (mail,) = mailoutbox
    assert (mail.recipients(), mail.subject) == ([staff.email], "[Preview] Filed")
    assert counts() == before


def test_on_a_staging_site_it_goes_where_all_mail_goes(client, staff, settings, mailoutbox):
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "REDIRECT_ALL_TO": "dev@x.example"}
    response = client.post(url_of(InspectionEditedEmail), follow=True)
    assert "It was sent to dev@x.example." in response.content.decode()
    assert "To dev@x.example and to nobody else." in response.content.decode()
    (mail,) = mailoutbox
    assert mail.recipients() == ["dev@x.example"]
    assert mail.extra_headers["X-Original-To"] == staff.email
    settings.NOTIFYAUDIT = {
        **settings.NOTIFYAUDIT,
        "REDIRECT_ALL_TO": "",
        "ALLOWED_RECIPIENTS": ["*@y.example"],
    }
    response = client.post(url_of(InspectionEditedEmail))
    assert response.status_code == 422
    assert "see ALLOWED_RECIPIENTS" in response.content.decode()
    assert len(mailoutbox) == 1


def test_what_keeps_it_from_leaving_is_told(client, staff, mailoutbox):
    with email_kind(preview=SAMPLE, template_name="nowhere.html") as kind:
        response = client.post(url_of(kind))
    page = BeautifulSoup(response.content, "html.parser")
    said = page.select_one("[role=status]").get_text()
    assert said == "It was not sent. The template nowhere.html does not exist."
    User.objects.filter(pk=staff.pk).update(email="")
    response = client.post(url_of(InspectionEditedEmail))
    assert "Nobody is signed in who has an address." in response.content.decode()
    assert mailoutbox == []


def test_another_site_cannot_have_it_sent(staff, mailoutbox):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    assert client.post(url_of(InspectionEditedEmail)).status_code == 403
    assert mailoutbox == []
