"""What a person does about mails that were not sent: cancel them, retry them, count them."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from notifyaudit import clock, pausing, record
from notifyaudit.claiming import claim
from notifyaudit.models import AuditEvent, Message, MessageStatus, Notification, Sighting, SignalCall
from notifyaudit.reviving import revive
from notifyaudit.routing import route_pending
from notifyaudit.statistics import statistics
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def message():
    with email_kind(["a@x.example"]):
        record(DocumentAction.FILED)
        route_pending()
    return Message.objects.get()


class TestCancelling:
    @pytest.mark.parametrize("status", ["open", "uncertain", "held"])
    def test_what_waits_does_not_leave(self, message, status, audit_outbox):
        Message.objects.update(status=status)
        assert message.cancel() is True
        assert message.status == "cancelled"
        with email_kind():
            assert audit_outbox.all() == []
            audit_outbox.assert_not_sent(to="a@x.example", because="cancelled")

    @pytest.mark.parametrize("status", ["sending", "sent", "failed", "cancelled", "bounced"])
    def test_what_is_settled_or_in_the_air_stays_as_it_is(self, message, status):
        Message.objects.update(status=status)
        assert message.cancel() is False
        assert message.status == status

    def test_what_a_worker_has_claimed_does_not_leave_either(self, message):
        with email_kind():
            batch = claim()
        assert message.cancel() is True
        assert batch.mark_sending(batch.messages) == []
        assert batch.settle(batch.messages[0], status=MessageStatus.SENT) is False
        message.refresh_from_db()
        assert (message.status, message.lease_token) == ("cancelled", None)


class TestRetrying:
    def test_what_failed_has_all_its_attempts_again(self, message, audit_outbox):
        Message.objects.update(status="failed", attempts=5, abandoned=3, last_error="550")
        Notification.objects.update(skip_reason="invalid_address")
        assert revive(failed=True) == 1
        message.refresh_from_db()
        assert (message.status, message.attempts, message.abandoned) == ("open", 0, 0)
        with email_kind():
            assert audit_outbox.one().message.message_id == message.message_id
        assert Notification.objects.get().skip_reason == ""

    @pytest.mark.parametrize("status", ["uncertain", "held"])
    def test_what_is_uncertain_stays_known_as_such(self, message, status, audit_outbox):
        since = clock.now() - timedelta(days=1)
        Message.objects.update(status=status, uncertain_at=since, due_at=clock.now() + timedelta(days=1))
        assert revive(uncertain=True) == 1
        with email_kind():
            assert audit_outbox.one().message.uncertain_at == since

    @pytest.mark.parametrize("status", ["open", "sending", "sent", "uncertain"])
    def test_what_has_not_come_to_its_end_is_not_named_by_id(self, message, status):
        Message.objects.update(status=status)
        assert revive([message.pk]) == 0

    @pytest.mark.parametrize("status", ["failed", "held", "cancelled", "bounced"])
    def test_one_is_named_by_its_id(self, message, status):
        other = Message.objects.create(email_key="test.kind", recipient_key="mail:b", status=status)
        Message.objects.filter(pk=message.pk).update(status=status)
        assert revive([message.pk]) == 1
        other.refresh_from_db()
        assert other.status == status

    def test_a_class_that_raised_to_the_last_is_asked_again(self, audit_outbox):
        with email_kind(lambda event: 1 / 0):
            record(DocumentAction.FILED)
            route_pending()
        Notification.objects.update(retry_at=None, attempts=5)
        assert revive(failed=True) == 1
        with email_kind(["a@x.example"]):
            audit_outbox.one(to="a@x.example")

    def test_the_command_says_how_many(self, message, capsys):
        Message.objects.update(status="failed")
        call_command("notifyaudit", "retry", "--failed")
        Message.objects.update(status="held")
        call_command("notifyaudit", "retry", "--uncertain")
        call_command("notifyaudit", "retry", "--held")
        Message.objects.update(status="held", uncertain_at=clock.now())
        call_command("notifyaudit", "retry", "--uncertain")
        Message.objects.update(status="cancelled")
        call_command("notifyaudit", "retry", str(message.pk))
        assert capsys.readouterr().out.splitlines() == [f"{count} due again" for count in (1, 0, 1, 1, 1)]

    def test_the_command_wants_to_know_what(self):
        with pytest.raises(CommandError, match="Say what to retry: message ids, --failed, --uncertain or"):
            call_command("notifyaudit", "retry")


class TestCounting:
    def test_tells_what_an_operator_watches(self, message):
        with email_kind(lambda event: 1 / 0):
            record(DocumentAction.FILED)
            route_pending()
        AuditEvent.objects.bulk_create([AuditEvent(action="of.newer.code")])
        Message.objects.create(email_key="newer.Email", recipient_key="mail:b")
        Message.objects.create(email_key="test.kind", recipient_key="mail:c", status="sent")
        Message.objects.filter(pk=message.pk).update(due_at=clock.now() - timedelta(seconds=90))
        for status in ("open", "open", "failed"):
            SignalCall.objects.create(receiver="newer:receiver", signal="newer:signal", status=status)
        Sighting.objects.create(source="tables", model="shop.Order", operation="DELETE")
        Sighting.objects.create(source="tables", model="shop.Order", operation="DELETE", error="it raised")
        pausing.pause(["test.kind"])
        with email_kind():
            assert statistics() == {
                "events_unrouted": 1,
                "events_of_unknown_actions": {"of.newer.code": 1},
                "classes_that_raised": {"test.kind": 1},
                "messages": {"open": 2, "sent": 1},
                "messages_due": 2,
                "oldest_due_seconds": 90,
                "messages_of_unknown_kinds": {"newer.Email": 1},
                "signal_calls": {"failed": 1, "open": 2},
                "signal_calls_due": 2,
                "signal_calls_of_unknown_receivers": {"newer:receiver": 2},
                "sightings": 2,
                "sightings_that_raised": {"tables": 1},
                "paused": ["test.kind"],
            }

    def test_is_for_people_and_for_machines(self, capsys):
        call_command("notifyaudit", "stats")
        assert capsys.readouterr().out.splitlines() == [
            "events unrouted: 0",
            "events of unknown actions: none",
            "classes that raised: none",
            "messages: none",
            "messages due: 0",
            "oldest due seconds: 0",
            "messages of unknown kinds: none",
            "signal calls: none",
            "signal calls due: 0",
            "signal calls of unknown receivers: none",
            "sightings: 0",
            "sightings that raised: none",
            "paused: nothing",
        ]
        call_command("notifyaudit", "stats", "--json")
        assert json.loads(capsys.readouterr().out) == statistics()
