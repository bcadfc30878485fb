"""The storm guard: above a class's limits mails become one summary, or wait for a person's release."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from example_site.inspections.models import User
from notifyaudit import AuditEmail, DigestEmail, record, record_many
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.frequency import Frequency
from notifyaudit.models import Message, MessageStatus, Notification
from notifyaudit.routing import CHUNK, route_pending
from notifyaudit.sending import send_due
from notifyaudit.subscribing import subscribe
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

pytestmark = pytest.mark.django_db


def addresses(count):
    return [f"a{number}@x.example" for number in range(count)]


def standing():
    """How many messages there are of each kind, status and frequency."""
    found = {}
    for key in Message.objects.values_list("email_key", "status", "frequency"):
        found[key] = found.get(key, 0) + 1
    return found


def import_rows(count):
    targets = Document.objects.bulk_create(Document(title=f"Row {number}") for number in range(count))
    record_many([{"action": DocumentAction.FILED, "target": target} for target in targets])


def test_an_import_is_a_few_mails_and_one_summary(user, audit_outbox):
    with email_kind([user], max_per_recipient_per_hour=3) as kind:
        import_rows(40)
        assert len(audit_outbox.all(kind, to=user)) == 3
        digest = audit_outbox.close_digests().one(DigestEmail, to=user)
        assert len(digest.events) == 37
        audit_outbox.assert_no_more()


def test_the_hour_passes(user, audit_outbox):
    with email_kind([user], max_per_recipient_per_hour=1) as kind:
        record(DocumentAction.FILED)
        audit_outbox.one(kind)
        audit_outbox.advance(timedelta(minutes=61))
        record(DocumentAction.FILED)
        assert len(audit_outbox.all(kind)) == 2


def test_each_recipient_and_each_kind_is_counted_by_itself(user, other):
    with (
        email_kind([user], max_per_recipient_per_hour=1),
        email_kind([user, other], key="test.second", name="SecondEmail", max_per_recipient_per_hour=2),
    ):
        for _ in range(3):
            record(DocumentAction.FILED)
        route_pending()
    assert standing() == {
        ("test.kind", "open", "immediate"): 1,
        ("test.second", "open", "immediate"): 4,
        (DigestEmail.key, "open", "hourly"): 2,
    }


def test_what_is_held_for_one_person_is_one_mail(user):
    with email_kind([user], max_per_recipient_per_hour=1, above_limits="hold"):
        import_rows(10)
        route_pending()
        assert send_due() == {"sent": 1}
        held = Message.objects.get(status=MessageStatus.HELD)
        assert set(held.notifications.values_list("skip_reason", flat=True)) == {"storm"}
        assert held.notifications.count() == 9
        call_command("notifyaudit", "retry", "--held", stdout=StringIO())
        import_rows(1)  # it is not released with the others
        route_pending()
        assert send_due() == {"sent": 1}
    assert held.notifications.filter(skip_reason="").count() == 9
    assert Message.objects.filter(status=MessageStatus.HELD).count() == 1


def test_too_many_recipients_are_held_and_released_by_a_person(audit_outbox):
    with email_kind(addresses(6), max_recipients_per_event=5, above_limits="hold") as kind:
        record(DocumentAction.FILED)
        audit_outbox.assert_not_sent(kind, because="storm")
        assert standing() == {("test.kind", "held", "immediate"): 6}
        call_command("notifyaudit", "retry", *Message.objects.values_list("pk", flat=True), stdout=StringIO())
        assert len(audit_outbox.all(kind)) == 6
    assert set(Notification.objects.values_list("skip_reason", flat=True)) == {""}


def test_a_held_mail_can_be_cancelled(user, other):
    with email_kind([user, other], max_recipients_per_event=1, above_limits="hold"):
        record(DocumentAction.FILED)
        route_pending()
        assert all(message.cancel() for message in Message.objects.all())
        assert not send_due()


def test_too_many_recipients_read_it_in_their_summary():
    with email_kind(addresses(6), max_recipients_per_event=5):
        record(DocumentAction.FILED)
        route_pending()
    assert standing() == {(DigestEmail.key, "open", "hourly"): 6}


def test_as_many_as_the_limit_are_told():
    with email_kind(addresses(5), max_recipients_per_event=5, max_per_recipient_per_hour=1):
        record(DocumentAction.FILED)
        route_pending()
        assert send_due() == {"sent": 5}


def test_recipients_of_several_portions_count_together():
    count = CHUNK + 100
    with email_kind(addresses(count), max_recipients_per_event=CHUNK + 50, above_limits="hold"):
        record(DocumentAction.FILED)
        route_pending()
        # Those of the first portion had not left yet.
        assert standing() == {("test.kind", "held", "immediate"): count}
    assert Notification.objects.filter(skip_reason="storm").count() == count


def test_subscribers_count_too(user):
    subscribe(user, DocumentAction.FILED)
    with email_kind(addresses(2), max_recipients_per_event=2, above_limits="hold"):
        record(DocumentAction.FILED)
        route_pending()
    assert standing() == {("test.kind", "held", "immediate"): 3}


def test_digests_are_no_mails_of_their_own(user):
    subscribe(user, DocumentAction.FILED, frequency=Frequency.DAILY)
    with email_kind([], max_per_recipient_per_hour=1):
        import_rows(5)
        route_pending()
    assert standing() == {(DigestEmail.key, "open", "daily"): 1}


def test_a_class_collects_its_summary_where_it_collects_its_digests(user):
    with email_kind([], bases=(DigestEmail,), name="OwnDigest", key="test.digest") as digest:
        with email_kind([user], digest_class=digest, max_per_recipient_per_hour=1):
            import_rows(3)
            route_pending()
        assert standing()["test.digest", "open", "hourly"] == 1


@pytest.mark.parametrize("limit", [0, -1, 2.5, True, "10"])
@pytest.mark.parametrize("name", ["max_recipients_per_event", "max_per_recipient_per_hour"])
def test_a_limit_that_is_none_is_refused_at_once(name, limit):
    problem = f"{name} must be a number above zero"
    with pytest.raises(ConfigurationError, match=problem), email_kind([], **{name: limit}):
        pass


def test_mandatory_mail_is_in_no_summary_and_can_only_be_held(user, other):
    with (
        pytest.raises(ConfigurationError, match="above_limits = 'hold'"),
        email_kind([], mandatory=True, max_recipients_per_event=1),
    ):
        pass
    with email_kind([user, other], mandatory=True, max_recipients_per_event=1, above_limits="hold"):
        record(DocumentAction.FILED)
        route_pending()
    assert standing() == {("test.kind", "held", "immediate"): 2}


def test_another_word_for_what_happens_above_them_is_refused():
    with pytest.raises(ConfigurationError, match="above_limits must be one of 'summary', 'hold'"):

        class LimitedEmail(AuditEmail):
            above_limits = "drop"


def test_the_count_does_not_grow_with_what_somebody_has_had(user, django_assert_max_num_queries):
    User.objects.create(username="reader")
    with email_kind([user], max_recipients_per_event=10, max_per_recipient_per_hour=2):
        import_rows(30)
        with django_assert_max_num_queries(30 * 25):
            route_pending()
