"""AuditEmail.sample(): a mail about something that never happened. Not one of these tests has a database."""

from datetime import date

import pytest

from example_site.inspections.models import User
from notifyaudit import AuditEmail
from notifyaudit.exceptions import UnknownAction
from notifyaudit.models import Reason
from notifyaudit.registry import emails
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Folder


@pytest.fixture
def email_class():
    with emails.isolated():

        class FiledEmail(AuditEmail):
            actions = ["document.*", DocumentAction.FILED, DocumentAction.REMOVED]
            subject = "{{ target }} was filed by {{ actor }}"
            template_name = "testapp/plain.html"

        yield FiledEmail


@pytest.fixture
def document():
    outer = Folder(pk=1, name="Outer")
    return Document(pk=7, title="Plan A", folder=Folder(pk=2, name="Inner", parent=outer))


def test_it_is_about_the_objects_that_were_given(email_class, document):
    actor = User(pk=3, username="clerk")
    event = email_class.sample(target=document, actor=actor).event
    assert event.target is document
    assert event.actor is actor
    assert (event.target_type, event.target_id, event.target_repr) == ("testapp.Document", "7", "Plan A")
    assert (event.actor_id, event.actor_repr) == ("3", "clerk")
    assert event.pk is None


def test_it_names_ancestors_and_related_objects(email_class, document):
    event = email_class.sample(target=document, related=[Folder(pk=9, name="Other")]).event
    assert [ancestor["repr"] for ancestor in event.ancestors] == ["Inner", "Outer"]
    assert event.related == [{"type": "testapp.Folder", "id": "9", "repr": "Other"}]


def test_changes_and_data_are_kept_and_masked_as_by_record(email_class, document):
    email = email_class.sample(
        target=document,
        changes={
            "kind": ("letter", "plan"),
            "due_on": (None, date(2026, 12, 4)),
            "folder": (None, document.folder),
            "house_number": ("1", "2"),
        },
        data={"note": {"password": "hidden"}, "day": date(2026, 12, 4)},
    )
    assert email.event.changes["due_on"] == [None, "2026-12-04"]
    assert email.event.changes["house_number"] == ["********", "********"]
    assert email.event.data == {"note": {"password": "********"}, "day": "2026-12-04"}
    changes = email.visible_changes()
    assert (changes["kind"].label, changes["kind"].new_label) == ("Sort of paper", "A plan")
    assert changes["folder"].new_label == "Inner"


def test_it_has_what_a_mail_that_is_sent_has(email_class, document):
    user = User(pk=4, username="owner", email="owner@example.com")
    email = email_class.sample(target=document, recipient=user, reason=Reason.NAMED)
    assert email.events == (email.event,)
    assert (email.recipient, email.reason) == (user, Reason.NAMED)
    message = email.build()
    assert message.to == ["owner@example.com"]
    assert message.subject == "Plan A was filed by None"


def test_a_plain_address_is_no_user(email_class):
    email = email_class.sample(recipient="facility@example.com")
    assert email.recipient is None
    assert email.build().to == ["facility@example.com"]


@pytest.mark.parametrize("options", [{}, {"recipient": User(username="no address")}])
def test_somebody_is_always_addressed(email_class, options):
    assert email_class.sample(**options).build().to == ["reader@example.com"]


def test_the_objects_need_no_key(email_class):
    event = email_class.sample(target=Document(title="Draft"), actor=User(username="clerk")).event
    assert (event.target_id, event.target_repr, event.actor_id) == ("", "Draft", "")


def test_the_action_is_the_first_that_is_no_pattern(email_class):
    assert email_class.sample().event.action == "document.filed"
    assert email_class.sample(DocumentAction.REMOVED).event.action == "document.removed"


def test_a_class_with_only_patterns_needs_to_be_told_which(email_class):
    email_class.actions = ["document.*", "*"]
    with pytest.raises(ValueError) as raised:
        email_class.sample()
    assert str(raised.value).endswith(
        "FiledEmail.actions names no single action; say of which the sample is: "
        "cls.sample(SomeAction.DONE, …)."
    )
    assert email_class.sample(DocumentAction.CHANGED).event.action == "document.changed"


def test_what_record_refuses_is_refused(email_class):
    with pytest.raises(UnknownAction, match=r"document\.filed"):
        email_class.sample("document.filled")
    with pytest.raises(TypeError, match="must be a pair"):
        email_class.sample(changes={"kind": "plan"})
    with pytest.raises(TypeError, match="recipient=None; give a user or an address"):
        email_class.sample(recipient=None)


def test_a_class_has_no_preview_until_it_is_written(email_class):
    assert email_class.preview() is None
