"""No sequence of deeds and deaths brings a message where it must not be, or sends it again unknown."""

from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from notifyaudit import RetryPolicy, clock, conf, pausing, record
from notifyaudit.failures import DeliveryError, NoConnection, Refused, TryLater, Unauthorised, Uncertain
from notifyaudit.models import AuditEvent, Message, Pause
from notifyaudit.reviving import revive
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.transport import replaced
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

LEGAL = {
    "open": {"open", "sending", "cancelled", "failed", "held"},
    "sending": {"sending", "sent", "open", "failed", "uncertain", "held"},
    "uncertain": {"uncertain", "sending", "held", "cancelled", "failed", "open"},
    "held": {"held", "open", "cancelled"},
    "failed": {"failed", "open"},
    "cancelled": {"cancelled", "open"},
    "sent": {"sent"},
}
"""To which status one statement may bring a message of another."""

SETTLED = {"sent", "failed", "held", "cancelled"}

FAILURES = {"refused": Refused, "later": TryLater, "unreachable": NoConnection, "login": Unauthorised}

ANSWERS = [
    "accepts",
    *FAILURES,
    "accepts in silence",  # no reply after the end of DATA
    "loses in silence",
    "dies before",
    "dies after",
    "is slow",  # so that another worker takes the mail over
    "cancels",  # a person does, while the mail is in the air
]


class Killed(BaseException):
    """SIGKILL: nothing of the process runs any more, and its open transaction is undone."""


class Ledger:
    """Every statement of a worker, which may be its last; and what each does to the status of messages."""

    def __init__(self):
        self.is_watching, self.is_dead, self.statements_left = True, False, None
        self.broken = []

    def promise(self, is_kept, otherwise):
        # Raised here, it would be taken for an error of the mail server.
        if not is_kept:
            self.broken.append(otherwise)

    def __call__(self, execute, sql, params, many, context):
        # Their counterparts are the connection's: the database undoes what has no commit.
        if sql.startswith(("ROLLBACK", "RELEASE")) or not self.is_watching:
            return execute(sql, params, many, context)
        if self.statements_left is not None:
            self.statements_left -= 1
            self.is_dead = self.is_dead or self.statements_left < 0
        if self.is_dead:
            raise Killed
        if not sql.startswith("UPDATE") or Message._meta.db_table not in sql:
            return execute(sql, params, many, context)
        before = self.rows()
        result = execute(sql, params, many, context)
        after = self.rows()
        for pk, (old, was_uncertain) in before.items():
            new, is_uncertain = after[pk]
            self.promise(new in LEGAL[old], f"{old} became {new}: {sql}")
            if is_uncertain and not was_uncertain:
                self.promise(new in {"uncertain", "held"}, f"what may have arrived became {new}")
        return result

    def rows(self):
        with self.unwatched():
            rows = Message.objects.values_list("pk", "status", "uncertain_at")
            return {pk: (status, uncertain_at is not None) for pk, status, uncertain_at in rows}

    @contextmanager
    def unwatched(self):
        before, self.is_watching = self.is_watching, False
        try:
            yield
        finally:
            self.is_watching = before

    @contextmanager
    def mortal(self, statements):
        self.statements_left = statements
        try:
            yield
        except Killed:
            # Outside of a transaction of the library, as in a delete(), Django wants that of the test undone.
            connection.needs_rollback = False
        finally:
            self.is_dead, self.statements_left = False, None


class Server:
    """Answers as it is told, then accepts; it knows what it has accepted, as the ledger may not."""

    def __init__(self, ledger):
        self.ledger, self.answers, self.accepted, self.refused = ledger, [], Counter(), set()

    def send(self, message):
        message_id = message.message()["Message-ID"]
        with self.ledger.unwatched():
            row = Message.objects.get(message_id=message_id)
        promise = self.ledger.promise
        promise(row.status == "sending", f"a mail left that was {row.status}")
        promise(row.lease_until and row.lease_until > clock.now(), "a mail left without a lease")
        promise(not self.accepted[message_id] or row.uncertain_at, "sent again, and nobody knows")
        answer = self.answers.pop(0) if self.answers else "accepts"
        if answer in FAILURES:
            if answer == "refused":
                self.refused.add(message_id)
            raise FAILURES[answer](answer)
        if answer == "is slow":
            clock.advance(conf.current().LEASE * 1.01)
            another_worker()
        elif answer == "cancels":
            promise(not row.cancel(), "cancelled while it was in the air")
        if answer == "dies before":
            self.die()
        if answer != "loses in silence":
            self.accepted[message_id] += 1
        if answer == "dies after":
            self.die()
        if answer.endswith("in silence"):
            raise Uncertain("no reply")

    def die(self):
        self.ledger.is_dead = True
        raise Killed

    def close(self):
        pass


def another_worker():
    try:
        return send_due()
    except DeliveryError:
        return {}


class Life(RuleBasedStateMachine):
    """A ledger, its workers, its operators, and time."""

    def __init__(self):
        super().__init__()
        self.world, self.has_begun = ExitStack(), False
        self.ledger = Ledger()
        self.server = Server(self.ledger)
        enter = self.world.enter_context
        enter(rolled_back())
        enter(clock.travelling())
        enter(connection.execute_wrapper(self.ledger))
        enter(replaced(lambda backend: self.server))

    @initialize(
        in_flight=st.sampled_from([1, 3]),
        policy=st.sampled_from(["resend", "hold"]),
        expires=st.sampled_from([None, timedelta(hours=1)]),
    )
    def begin(self, in_flight, policy, expires):
        options = {"BASE_URL": "https://site.example", "MAX_IN_FLIGHT": in_flight, "UNCERTAIN_POLICY": policy}
        self.world.enter_context(override_settings(NOTIFYAUDIT=options))
        self.has_begun = True
        self.world.enter_context(
            email_kind(
                lambda event: [
                    f"{event.pk}-{number}@x.example" for number in range(event.data["recipients"])
                ],
                retry=RetryPolicy(max_attempts=3),
                expires=expires,
            )
        )

    def teardown(self):
        try:
            if self.has_begun:
                self.come_to_an_end()
        finally:
            self.world.close()

    @rule(
        minutes=st.sampled_from([0, 0, 1, 3, 10, 60]),
        recipients=st.integers(0, 3),
        answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4),
        statements=st.none() | st.none() | st.none() | st.integers(0, 60),
    )
    def time_passes_and_a_worker_looks(self, minutes, recipients, answers, statements):
        clock.advance(timedelta(minutes=minutes))
        if recipients:
            record(DocumentAction.FILED, data={"recipients": recipients})
        self.server.answers = answers
        with self.ledger.mortal(statements):
            route_pending()
            another_worker()

    @precondition(lambda self: Message.objects.exists())
    @rule(number=st.integers(0, 9))
    def somebody_cancels(self, number):
        messages = list(Message.objects.order_by("pk"))
        message = messages[number % len(messages)]
        status = message.status
        assert message.cancel() == (status in {"open", "uncertain", "held"})

    @rule(failed=st.booleans(), uncertain=st.booleans(), by_id=st.booleans())
    def somebody_retries(self, failed, uncertain, by_id):
        ids = list(Message.objects.values_list("pk", flat=True)) if by_id else ()
        revive(ids, failed=failed, uncertain=uncertain)

    @rule()
    def somebody_pauses_for_a_moment(self):
        before = self.server.accepted.copy()
        pausing.pause(reason="moving house")
        another_worker()
        pausing.resume()
        assert self.server.accepted == before

    @invariant()
    def every_promise_was_kept(self):
        assert self.ledger.broken == []

    @invariant()
    def nothing_settled_is_in_anybodys_hands(self):
        assert not Message.objects.filter(status__in=SETTLED).exclude(lease_token=None).exists()

    @invariant()
    def the_ledger_is_true(self):
        for message in Message.objects.all():
            times = self.server.accepted[message.message_id]
            if message.status == "sent":
                assert times, "sent, and the server has nothing of it"
            elif times:
                assert message.status == "sending" or message.uncertain_at, f"accepted, and {message.status}"
            assert times < 2 or message.uncertain_at, "accepted twice, and not known as uncertain"

    def come_to_an_end(self):
        self.server.answers = []
        self.settle()
        # A person who asks for everything once more gets nothing twice.
        before = {message_id: self.server.accepted[message_id] for message_id in self.sent()}
        revive(list(self.ledger.rows()), failed=True, uncertain=True)
        self.settle()
        assert before == {message_id: self.server.accepted[message_id] for message_id in before}
        self.every_promise_was_kept()
        self.nothing_settled_is_in_anybodys_hands()
        self.the_ledger_is_true()
        assert not AuditEvent.objects.filter(routed_at=None).exists()
        for event in AuditEvent.objects.all():
            assert (
                Message.objects.filter(notifications__event_id=event.pk).count() == event.data["recipients"]
            )
        for message in Message.objects.all():
            assert message.status in SETTLED
            if message.status == "failed":
                assert message.message_id in self.server.refused or message.attempts == 3
            if message.status == "held":
                assert message.uncertain_at or message.abandoned
        assert not Pause.objects.exists()

    def settle(self):
        pausing.resume()
        for _ in range(50):
            route_pending()
            another_worker()
            if {status for status, _ in self.ledger.rows().values()} <= SETTLED:
                return
            clock.advance(timedelta(hours=6))

    def sent(self):
        return Message.objects.filter(status="sent").values_list("message_id", flat=True)


@contextmanager
def rolled_back():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_whatever_happens_to_a_message_it_comes_to_a_known_end():
    run_state_machine_as_test(
        Life,
        settings=settings(
            # The rules are the library's; the databases only have to obey them alike.
            max_examples=40 if connection.vendor == "sqlite" else 12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
