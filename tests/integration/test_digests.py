"""What a digest says when it leaves: the net change of each object, and nothing where nothing is left."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from example_site.inspections.actions import InspectionAction
from example_site.inspections.models import User
from notifyaudit import clock, record, track
from notifyaudit.digests import DigestEmail
from notifyaudit.models import Message, Preference
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.subscribing import subscribe
from tests.example.factories import make_building, make_inspection, make_user
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Folder

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _reader(user):
    with clock.travelling():
        subscribe(user, "*", frequency="daily")
        yield


def change(document, action=DocumentAction.CHANGED, **values):
    with track(document, action):
        Document.objects.filter(pk=document.pk).update(**values)


def close():
    route_pending()
    clock.advance(timedelta(days=1, hours=1))
    return send_due()


def test_it_tells_the_net_change_of_each_object_the_newest_first(document, mailoutbox):
    other = Document.objects.create(title="Plan B")
    for price in (10, 20, 30):
        change(document, price=price)
    change(other, kind="plan")
    assert close() == {"sent": 1}
    (mail,) = mailoutbox
    assert mail.subject == "Daily digest: Plan B and 1 more"
    text = mail.body
    assert text.index("Plan B") < text.index("Plan A")
    assert "Price: 0.00 → 30.00" in text
    assert "Sort of paper: A letter → A plan" in text
    (html, _) = mail.alternatives[0]
    assert "2 objects have changed." in html
    assert "Price" in html


def test_it_is_wholly_in_the_language_and_time_of_its_reader(user, document, mailoutbox):
    Preference.objects.create(user=user, language="de", timezone="Asia/Kathmandu")
    moment = datetime(2031, 3, 1, 12, tzinfo=UTC)
    changes = {"is_public": (False, True), "updated_at": (moment, moment.replace(hour=13))}
    record(DocumentAction.CHANGED, target=document, changes=changes)
    with translation.override("fr"), timezone.override("America/Lima"):
        close()
    text = mailoutbox[0].body
    assert "Is public: Nein → Ja" in text
    assert "Updated at: 1. März 2031 17:45 → 1. März 2031 18:45" in text


def test_what_was_changed_back_is_not_sent(document, mailoutbox):
    change(document, price=10)
    change(document, price=0)
    assert close() == {"cancelled": 1}
    assert mailoutbox == []
    assert Message.objects.get().notifications.values_list("skip_reason", flat=True)[0] == "unchanged"


def test_what_came_and_went_is_nothing_and_what_came_or_went_is_marked(document, mailoutbox):
    for title, goes in (("Ghost", True), ("New one", False)):
        new = Document(title=title)
        with track(new, DocumentAction.FILED):
            new.save()
        if goes:
            with track(new, DocumentAction.REMOVED):
                new.delete()
    with track(document, DocumentAction.REMOVED):
        document.delete()
    close()
    text = mailoutbox[0].body
    assert "Ghost" not in text
    assert "New one (new)" in text
    assert "Plan A (removed)" in text


def test_what_happened_without_a_change_is_counted(document, mailoutbox):
    for _ in range(3):
        record(DocumentAction.FILED, target=document)
    record(DocumentAction.REMOVED)
    close()
    assert "Document filed (3 ×)" in mailoutbox[0].body
    assert "Document removed" in mailoutbox[0].body


def test_each_event_is_in_one_digest(document, mailoutbox):
    change(document, price=10)
    close()
    change(document, price=20)
    close()
    assert close() == {}
    assert [line for mail in mailoutbox for line in mail.body.splitlines() if "Price" in line] == [
        "  Price: 0.00 → 10.00",
        "  Price: 10.00 → 20.00",
    ]


def test_a_long_one_is_cut_and_says_how_much_is_missing(mailoutbox, monkeypatch):
    monkeypatch.setattr(DigestEmail, "max_sections", 2)
    for number in range(5):
        record(DocumentAction.FILED, target=Folder.objects.create(name=f"F{number}"))
    close()
    text = mailoutbox[0].body
    assert "And 3 more." in text
    assert ["F4" in text, "F3" in text, "F2" in text] == [True, True, False]


def test_what_a_class_hides_from_its_reader_is_not_in_the_digest_either(document, mailoutbox):
    def visible_changes(self):
        changes = self.event.readable_changes()
        return {name: change for name, change in changes.items() if name != "price"}

    with email_kind(actions=[DocumentAction.FILED], visible_changes=visible_changes):
        change(document, DocumentAction.FILED, price=10, kind="plan")
        close()
    assert "Price" not in mailoutbox[0].body
    assert "Sort of paper" in mailoutbox[0].body


def test_a_subclass_sorts_by_what_matters_to_it(document, mailoutbox):
    def importance(self, section):
        return section.name == "Plan A"

    with (
        email_kind(
            collects=True,
            actions=[],
            key="test.digest",
            name="Own",
            importance=importance,
            bases=(DigestEmail,),
        ) as own,
        email_kind(actions=[DocumentAction.FILED], digest_class=own, key="test.other", name="Other"),
    ):
        change(document, DocumentAction.FILED, price=10)
        change(Document.objects.create(title="Plan B"), DocumentAction.FILED, price=10)
        close()
    text = mailoutbox[0].body
    assert text.index("Plan A") < text.index("Plan B")


def test_it_links_to_what_has_a_page(user, mailoutbox):
    inspection = make_inspection(make_building(user), make_user("inspector"), make_user("reviewer"))
    record(InspectionAction.EDITED, target=inspection, changes={"title": ("a", "b")})
    close()
    (mail,) = (mail for mail in mailoutbox if mail.subject.startswith("Daily"))
    url = f"https://site.example{inspection.get_absolute_url()}"
    assert url in mail.body
    assert f'href="{url}"' in mail.alternatives[0][0]


@pytest.mark.parametrize("backend", ["django.DjangoTemplates", "jinja2.Jinja2"])
def test_its_templates_are_found_though_no_engine_looks_into_apps(document, mailoutbox, settings, backend):
    settings.TEMPLATES = [{"BACKEND": f"django.template.backends.{backend}", "DIRS": [], "APP_DIRS": False}]
    change(document, price=10)
    assert close() == {"sent": 1}
    assert "Price: 0.00 → 10.00" in mailoutbox[0].body


def test_a_hundred_digests_of_twenty_events_are_read_as_one(mailoutbox):
    readers = User.objects.bulk_create(
        User(username=f"reader{number}", email=f"reader{number}@x.example") for number in range(99)
    )
    for reader in readers:
        subscribe(reader, "*", frequency="daily")
    owner, folder = User.objects.create(username="author"), Folder.objects.create(name="Plans")
    documents = [Document.objects.create(title=str(each), owner=owner, folder=folder) for each in range(5)]
    with email_kind(actions=[DocumentAction.CHANGED]):
        for price in range(4):
            for document in documents:
                changes = {"price": (price, price + 1)}
                record(DocumentAction.CHANGED, target=document, actor=owner, changes=changes)
        route_pending()
        clock.advance(timedelta(days=1, hours=1))
        with CaptureQueriesContext(connection) as statements:
            assert send_due() == {"sent": 100}
    assert all("5 objects have changed." in mail.body for mail in mailoutbox)
    verbs = Counter(statement["sql"].partition(" ")[0] for statement in statements)
    # Beside the claim, of each mail its mark and its outcome.
    assert verbs["SELECT"] <= 20, verbs
    assert verbs["UPDATE"] <= 2 * 100 + 2, verbs
