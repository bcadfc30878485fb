import pytest
from example_site.inspections.models import User
from notifyaudit import record
from tests.testapp.models import Document
from tests.testapp.emails import DocumentChangedEmail


@pytest.mark.django_db
def test_it(audit_outbox, mailoutbox):
    u = User.objects.create(username="o", email="o@example.com")
    d = Document.objects.create(title="Plan A", owner=u)
    record(
        "document.changed",
        target=d,
        changes={"kind": ("letter", "plan"), "price": (1, 2)},
        data={"also": ["x@example.com"]},
    )
    email = audit_outbox.one(DocumentChangedEmail, to=u)
    email.assert_subject("Plan A was changed")
    email.assert_contains("A letter", "A plan", "Plan A & its changes")
    email.assert_link(f"/documents/{d.pk}/")
    print(email.text, email.html, email.headers)
    audit_outbox.one(to="x@example.com")
    audit_outbox.assert_no_more()
    assert len(mailoutbox) == 2
    audit_outbox.assert_not_sent(to="y@example.com", because="not_asked")
