"""freezegun and time-machine: what is due, tried again and leased follows their clock."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine as machine
from django.utils import timezone
from freezegun import freeze_time

from notifyaudit import RetryPolicy, record
from notifyaudit.claiming import claim
from notifyaudit.models import Message
from notifyaudit.routing import route_pending
from notifyaudit.sources.packing import dumps
from notifyaudit.sources.unpacking import loads
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 3, 1, 12, tzinfo=UTC)
RETRY = RetryPolicy(base=timedelta(hours=1), jitter=0)
LEASE = timedelta(minutes=5)


class Frozen:
    """freezegun, moved by the same words as the fixture of time-machine."""

    def __init__(self, frozen):
        self.move_to = frozen.move_to
        self.shift = frozen.tick


@pytest.fixture(params=["freezegun", "time-machine"])
def travel(request):
    if request.param == "freezegun":
        with freeze_time(NOON) as frozen:
            yield Frozen(frozen)
    else:
        time_machine = request.getfixturevalue("time_machine")
        time_machine.move_to(NOON, tick=False)
        yield time_machine


@pytest.fixture
def kind():
    with email_kind(["a@x.example"], retry=RETRY):
        yield


def test_events_and_mails_have_the_frozen_time(travel, kind, audit_outbox):
    event = record(DocumentAction.FILED)
    email = audit_outbox.one()
    assert event.recorded_at == email.due_at == email.message.sent_at == NOON


def test_a_retry_waits_until_the_clock_is_moved(travel, kind, audit_outbox):
    record(DocumentAction.FILED)
    audit_outbox.smtp_fails(with_code=451)
    assert audit_outbox.waiting()[0].due_at == NOON + timedelta(hours=1)
    travel.shift(timedelta(minutes=59))
    audit_outbox.assert_not_sent(because="waiting")
    travel.move_to(NOON + timedelta(hours=1))
    assert audit_outbox.one().message.sent_at == NOON + timedelta(hours=1)


def test_a_claimed_mail_whose_worker_vanished_is_taken_over_when_the_lease_ends(travel, kind, audit_outbox):
    record(DocumentAction.FILED)
    route_pending()
    assert claim() is not None
    travel.shift(LEASE - timedelta(seconds=1))
    audit_outbox.assert_not_sent(because="waiting")
    travel.shift(timedelta(seconds=1))
    assert audit_outbox.one().message.attempts == 1


def test_a_mail_whose_worker_vanished_while_it_left_is_sent_again(travel, kind, audit_outbox):
    record(DocumentAction.FILED)
    route_pending()
    batch = claim()
    assert batch.mark_sending(batch.messages)
    audit_outbox.assert_not_sent(because="waiting")
    travel.shift(LEASE)
    email = audit_outbox.one()
    assert (email.message.uncertain_at, email.message.attempts) == (NOON + LEASE, 2)


def test_advance_goes_on_from_the_frozen_time(travel, kind, audit_outbox):
    record(DocumentAction.FILED)
    audit_outbox.smtp_fails(times=2)
    audit_outbox.assert_not_sent(because="waiting")
    audit_outbox.advance(timedelta(minutes=30))
    travel.shift(timedelta(minutes=30))
    assert audit_outbox.waiting()[0].due_at == NOON + timedelta(hours=1) + timedelta(hours=2)
    audit_outbox.advance(timedelta(hours=2))
    assert audit_outbox.one().message.sent_at == NOON + timedelta(hours=3)
    assert timezone.now() == NOON + timedelta(minutes=30)


@freeze_time(NOON)
def test_under_freezeguns_decorator(kind, audit_outbox):
    record(DocumentAction.FILED)
    assert audit_outbox.one().message.sent_at == NOON


@machine.travel(NOON, tick=False)
def test_under_time_machines_decorator(kind, audit_outbox):
    record(DocumentAction.FILED)
    assert audit_outbox.one().message.sent_at == NOON


@pytest.mark.parametrize("going", [lambda: freeze_time(NOON, tick=True), lambda: machine.travel(NOON)])
def test_a_clock_that_goes_on_by_itself(going, kind, audit_outbox):
    with going():
        record(DocumentAction.FILED)
        assert NOON <= audit_outbox.one().message.sent_at < NOON + timedelta(minutes=1)


def test_every_look_at_the_clock_may_move_it(kind, audit_outbox):
    with freeze_time(NOON, auto_tick_seconds=1):
        record(DocumentAction.FILED)
        assert audit_outbox.one().due_at > NOON


def test_what_was_recorded_today_waits_in_a_past_that_is_frozen_later(kind, audit_outbox):
    record(DocumentAction.FILED)
    route_pending()
    with freeze_time(Message.objects.get().due_at - timedelta(days=1)):
        audit_outbox.assert_not_sent(because="waiting")
    audit_outbox.one()


def test_a_stopped_clock_does_not_change_what_a_signals_receivers_get():
    with freeze_time(NOON):
        text = dumps({"at": datetime.now(UTC), "day": timezone.localdate(), "real": NOON})
    sent = loads(text)
    assert sent == {"at": NOON, "day": timezone.localdate(NOON), "real": NOON}
    assert type(sent["at"]) is datetime
