"""audit_outbox: each question once answered and once failed, with what it prints then."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import override_settings
from django.utils import timezone

from notifyaudit import record
from notifyaudit.models import Message, MessageStatus, Notification
from notifyaudit.testing import OutgoingEmail, SentEmail
from tests.integration.failures import failure_of
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.emails import DocumentChangedEmail

pytestmark = pytest.mark.django_db

SENT = """
sent:
  DocumentChangedEmail  owner@example.com  Plan A was changed"""
SENT_TO_BOTH = f"{SENT}\n  DocumentChangedEmail  a@x.example        Plan A was changed"
NOTHING_SENT = "\nsent:\n  (nothing)"


class TestOne:
    def test_it_is_found_by_class_and_recipient(self, change, audit_outbox, user):
        event = change(data={"also": ["a@x.example"]})
        email = audit_outbox.one(DocumentChangedEmail, to=user)
        assert isinstance(email, SentEmail)
        assert (email.recipient, email.event, email.to) == (user, event, ["owner@example.com"])
        assert email.reason == "named"

    def test_none_for_this_person(self, change, audit_outbox, other):
        change()
        assert failure_of(audit_outbox.one, DocumentChangedEmail, to=other) == (
            "expected one DocumentChangedEmail to other <other@example.com>, but none was sent\n"
            f"{SENT}\n\n"
            "no class named other <other@example.com>:\n  document.changed was put to DocumentChangedEmail"
        )

    def test_two(self, change, audit_outbox):
        change(data={"also": ["a@x.example"]})
        assert failure_of(audit_outbox.one) == f"expected one mail, but 2 were sent\n{SENT_TO_BOTH}"

    def test_no_event(self, audit_outbox):
        assert failure_of(audit_outbox.one) == (
            f"expected one mail, but none was sent\n{NOTHING_SENT}\n\n"
            "no event was recorded, or it was rolled back"
        )

    def test_an_event_of_which_nobody_is_told(self, audit_outbox):
        record(DocumentAction.REMOVED)
        assert failure_of(audit_outbox.one) == (
            f"expected one mail, but none was sent\n{NOTHING_SENT}\n\n"
            "no class named anybody:\n  document.removed is among the actions of no email class"
        )

    def test_somebody_who_did_it_themselves(self, change, audit_outbox, user):
        change(actor=user)
        assert failure_of(audit_outbox.one, to=user) == (
            f"expected one mail to owner <owner@example.com>, but none was sent\n{NOTHING_SENT}\n\n"
            "not sent:\n"
            "  DocumentChangedEmail to owner <owner@example.com>: actor (did it themselves)"
        )

    def test_a_mail_that_failed(self, audit_outbox, user):
        with email_kind([user], template_name="nowhere.html"):
            record(DocumentAction.FILED)
            assert failure_of(audit_outbox.one, to=user).startswith(
                f"expected one mail to owner <owner@example.com>, but none was sent\n{NOTHING_SENT}\n\n"
                "not sent:\n  FiledEmail to owner <owner@example.com>: "
                "failed: TemplateDoesNotExist: nowhere.html (django/template/loader.py:"
            )

    def test_a_class_that_failed(self, audit_outbox, user):
        with email_kind(lambda event: 1 / 0):
            record(DocumentAction.FILED)
            assert failure_of(audit_outbox.one, to=user).startswith(
                f"expected one mail to owner <owner@example.com>, but none was sent\n{NOTHING_SENT}\n\n"
                "not sent:\n  FiledEmail to whoever it names: failed: ZeroDivisionError: division by zero ("
                "tests/integration/test_harness_questions.py:"
            )

    def test_the_nearest_mail_with_what_differs(self, change, audit_outbox, user):
        change(data={"also": ["a@x.example"]})
        assert failure_of(audit_outbox.one, to=user, subject="Plan B was changed") == (
            "expected one mail to owner <owner@example.com> with subject 'Plan B was changed', "
            "but none was sent\n\n"
            "nearest: <DocumentChangedEmail to owner@example.com: 'Plan A was changed'>, but\n"
            "  its subject is another\n"
            "    is      Plan A was changed\n"
            "    wanted  Plan B was changed\n"
            f"                 ^\n{SENT_TO_BOTH}"
        )


class TestLast:
    def test_it_is_the_one_that_left_last(self, change, audit_outbox, user):
        change()
        second = change()
        assert audit_outbox.last(DocumentChangedEmail).event == second
        assert audit_outbox.last(to=user).event == second

    def test_none(self, change, audit_outbox):
        change()
        assert failure_of(audit_outbox.last, to="a@x.example") == (
            f"expected a mail to a@x.example, but none was sent\n{SENT}\n\n"
            "no class named a@x.example:\n  document.changed was put to DocumentChangedEmail"
        )


class TestAll:
    def test_they_are_in_the_order_they_left(self, change, audit_outbox):
        change(data={"also": ["a@x.example"]})
        change()
        assert [email.to for email in audit_outbox.all()] == [
            ["owner@example.com"],
            ["a@x.example"],
            ["owner@example.com"],
        ]
        assert len(audit_outbox.all(to="a@x.example")) == 1

    def test_none_is_an_empty_list(self, audit_outbox):
        assert audit_outbox.all() == []

    def test_a_mail_is_the_same_in_each_answer(self, change, audit_outbox, user):
        change(data={"also": ["a@x.example"]})
        email = audit_outbox.one(to=user)
        assert audit_outbox.all(to=user) == [email]
        assert email in audit_outbox.all()
        assert {email, audit_outbox.last(to=user)} == {email}
        assert email != audit_outbox.one(to="a@x.example")
        assert email != "a mail"


class TestWaiting:
    def test_a_mail_that_is_tried_again_later(self, change, audit_outbox, user):
        audit_outbox.smtp_fails()
        event = change()
        [email] = audit_outbox.waiting(DocumentChangedEmail, to=user)
        assert type(email) is OutgoingEmail
        assert (email.event, email.recipient, email.to) == (event, user, ["owner@example.com"])
        assert email.due_at > timezone.now()
        assert repr(email) == (
            "<DocumentChangedEmail to owner@example.com: waiting to be sent, "
            f"due {email.due_at:%Y-%m-%d %H:%M:%S}>"
        )

    def test_a_mail_is_the_same_in_each_answer(self, change, audit_outbox):
        audit_outbox.smtp_fails()
        change()
        [waiting] = audit_outbox.waiting()
        assert audit_outbox.waiting() == [waiting]
        audit_outbox.advance(timedelta(hours=1))
        assert audit_outbox.one() != waiting

    def test_the_soonest_is_the_first(self, change, audit_outbox):
        audit_outbox.smtp_fails(times=2)
        change(data={"also": ["a@x.example"]})
        audit_outbox.all()
        Message.objects.filter(address="a@x.example").update(due_at=timezone.now() + timedelta(seconds=1))
        assert [email.to for email in audit_outbox.waiting()] == [["a@x.example"], ["owner@example.com"]]

    def test_a_mail_that_was_sent_does_not_wait(self, change, audit_outbox):
        change()
        assert audit_outbox.waiting() == []

    def test_it_takes_a_predicate_of_the_mail(self, change, audit_outbox, user):
        audit_outbox.smtp_fails(times=None)
        change(data={"also": ["a@x.example"]})
        assert len(audit_outbox.waiting(lambda email: email.recipient == user)) == 1

    def test_what_is_known_only_when_it_leaves_cannot_be_asked(self, audit_outbox):
        assert failure_of(audit_outbox.waiting, subject="x", error=TypeError) == (
            "waiting() knows no 'subject'; known are to, event, action, target, reason, due."
        )


class TestRecorded:
    def test_the_oldest_is_the_first(self, change, audit_outbox):
        events = [change(), record(DocumentAction.FILED)]
        assert audit_outbox.recorded() == events

    @pytest.mark.parametrize(
        "action", [DocumentAction.CHANGED, "document.changed", "*.changed", "document.*"]
    )
    def test_by_action_or_pattern(self, change, audit_outbox, action):
        event = change()
        assert audit_outbox.recorded(action) == [event]
        assert audit_outbox.recorded("document.filed") == []

    def test_by_target_and_actor(self, change, audit_outbox, document, folder, user, other):
        event = change(actor=user)
        assert audit_outbox.recorded(target=document, actor=user) == [event]
        assert audit_outbox.recorded(target=folder) == audit_outbox.recorded(actor=other) == []
        assert audit_outbox.recorded(target=None) == audit_outbox.recorded(actor=None) == []
        without = record(DocumentAction.FILED)
        assert audit_outbox.recorded(target=None, actor=None) == [without]

    def test_by_the_named_keys_of_changes_and_data(self, change, audit_outbox):
        event = change(data={"note": "x", "also": []})
        assert audit_outbox.recorded(changes={"kind": ("letter", "plan")}, data={"note": "x"}) == [event]
        assert audit_outbox.recorded(changes={"kind": ("plan", "letter")}) == []
        assert audit_outbox.recorded(data={"nothing": None}) == []

    def test_by_predicates(self, change, audit_outbox, document, user):
        event = change(actor=user)
        assert audit_outbox.recorded(
            target=lambda target: target == document,
            actor=lambda actor: actor == user,
            changes=lambda changes: "kind" in changes,
            data=lambda data: data == {},
        ) == [event]
        assert audit_outbox.recorded(actor=lambda actor: actor is None) == []

    @pytest.mark.parametrize(
        ("arguments", "error", "text"),
        [
            (
                {"reason": "named"},
                TypeError,
                "recorded() knows no 'reason'; known are target, actor, changes, data.",
            ),
            (
                {"action": "document.chnaged"},
                ValueError,
                (
                    "recorded() got the action 'document.chnaged', which no Action class declares; "
                    "did you mean 'document.changed'?"
                ),
            ),
            (
                {"action": 5},
                TypeError,
                "recorded() takes an action, or a pattern like 'inspection.*', not 5.",
            ),
            ({"actor": 5}, TypeError, "recorded() takes as actor a user or None, or a predicate; not 5."),
            (
                {"target": 5},
                TypeError,
                "recorded() takes as target a model instance or None, or a predicate; not 5.",
            ),
            (
                {"changes": None},
                TypeError,
                "recorded() takes as changes a mapping of fields to (old, new), or a predicate; not None.",
            ),
            ({"data": []}, TypeError, "recorded() takes as data a mapping, or a predicate; not []."),
        ],
    )
    def test_a_slip_is_refused(self, audit_outbox, arguments, error, text):
        assert failure_of(audit_outbox.recorded, **arguments, error=error) == text

    def test_an_object_without_a_row_is_refused(self, audit_outbox, document):
        document.delete()
        assert failure_of(audit_outbox.recorded, target=document, error=ValueError) == (
            "recorded() got target=<Document: Plan A>, which has no row: it is not saved, or its delete() "
            "has taken its key. Keep the key before, and ask for Document(pk=key)."
        )


class TestNotSent:
    """Each word of ``because``, and the failure of each."""

    def refused(self, audit_outbox, reasons, **criteria):
        for reason in reasons:
            audit_outbox.assert_not_sent(because=reason, **criteria)
        return failure_of(audit_outbox.assert_not_sent, because="not_asked", **criteria).partition("\n")[0]

    def test_not_asked(self, change, audit_outbox, other):
        change()
        audit_outbox.assert_not_sent(to=other)
        audit_outbox.assert_not_sent(to=other, because="not_asked")
        assert failure_of(audit_outbox.assert_not_sent, to=other, because="actor") == (
            f"no mail to other <other@example.com> because of 'not_asked', not 'actor'\n{SENT}\n\n"
            "no class named other <other@example.com>:\n  document.changed was put to DocumentChangedEmail"
        )

    def test_actor(self, change, audit_outbox, user):
        change(actor=user)
        assert self.refused(audit_outbox, ["actor"], to=user) == (
            "no mail to owner <owner@example.com> because of 'actor', not 'not_asked'"
        )
        audit_outbox.assert_not_sent(to=user)

    @pytest.mark.parametrize(
        ("values", "reason", "shown"),
        [
            ({"is_active": False}, "inactive", "owner <owner@example.com>"),
            ({"email": ""}, "no_address", "owner"),
            ({"email": "nowhere"}, "invalid_address", "owner <nowhere>"),
        ],
    )
    def test_what_a_user_row_decides(self, change, audit_outbox, user, values, reason, shown):
        for name, value in values.items():
            setattr(user, name, value)
        user.save()
        change()
        assert self.refused(audit_outbox, [reason], to=user).startswith(f"no mail to {shown} because of '")

    def test_deleted(self, change, audit_outbox, user, document):
        type(document).objects.update(owner=None)
        change(data={})
        with email_kind([user]):
            record(DocumentAction.FILED)
            audit_outbox.smtp_fails(times=None)
            key = user.pk
            audit_outbox.waiting()
            type(user).objects.filter(pk=key).delete()
            audit_outbox.smtp_works()
            audit_outbox.advance(timedelta(hours=1))
            gone = type(user)(pk=key, username="gone")
            audit_outbox.assert_not_sent(to=gone, because="deleted")

    def test_should_send(self, audit_outbox):
        with email_kind(["a@x.example"], should_send=lambda self: False):
            record(DocumentAction.FILED)
            assert (
                self.refused(audit_outbox, ["should_send"])
                == "no mail because of 'should_send', not 'not_asked'"
            )
            assert failure_of(audit_outbox.one) == (
                f"expected one mail, but none was sent\n{NOTHING_SENT}\n\n"
                "not sent:\n  FiledEmail to a@x.example: should_send (the email class declined)"
            )

    def test_waiting(self, audit_outbox, change, user):
        audit_outbox.smtp_fails(at="connect", times=None)
        change()
        assert self.refused(audit_outbox, ["waiting", "failed"]) == (
            "no mail because of 'failed, waiting', not 'not_asked'"
        )
        due = audit_outbox.waiting()[0].due_at
        assert failure_of(audit_outbox.one).startswith(
            f"expected one mail, but none was sent\n{NOTHING_SENT}\n\n"
            "not sent:\n  DocumentChangedEmail to owner <owner@example.com>: waiting, "
            f"due {due:%Y-%m-%d %H:%M:%S}: NoConnection: SMTPConnectError: (451, b'no, says the test')"
        )

    def test_waiting_without_a_failure(self, audit_outbox, change):
        change()
        audit_outbox.all()
        later = timezone.now() + timedelta(hours=1)
        Message.objects.update(status=MessageStatus.OPEN, due_at=later)
        audit_outbox.clear()
        change()
        audit_outbox.smtp_fails()
        audit_outbox.waiting()
        Message.objects.update(last_error="")
        assert self.refused(audit_outbox, ["waiting"]) == "no mail because of 'waiting', not 'not_asked'"
        audit_outbox.assert_not_sent()

    def test_failed(self, audit_outbox, change):
        audit_outbox.smtp_fails(550)
        change()
        assert self.refused(audit_outbox, ["failed"]) == "no mail because of 'failed', not 'not_asked'"

    @pytest.mark.parametrize(("policy", "reason"), [("resend", "uncertain"), ("hold", "held")])
    def test_a_mail_of_which_nobody_knows(self, audit_outbox, change, policy, reason):
        with override_settings(NOTIFYAUDIT={"BASE_URL": "https://site.example", "UNCERTAIN_POLICY": policy}):
            change()
            audit_outbox.smtp_fails()
            audit_outbox.waiting()
            # As a worker leaves it that was killed while it sent.
            Message.objects.update(
                status=MessageStatus.SENDING, lease_until=timezone.now(), due_at=timezone.now()
            )
            audit_outbox.smtp_fails(at="connect", times=None)
            assert self.refused(audit_outbox, [reason]) == f"no mail because of {reason!r}, not 'not_asked'"
            assert failure_of(audit_outbox.assert_not_sent).startswith(
                f"a mail was not declined but {reason}\n{NOTHING_SENT}\n\nnot sent:\n"
                f"  DocumentChangedEmail to owner <owner@example.com>: {reason}"
            )
            assert failure_of(audit_outbox.assert_nothing_sent).startswith("expected no mail at all\n")

    def test_cancelled(self, audit_outbox, change):
        audit_outbox.smtp_fails()
        change()
        audit_outbox.waiting()
        Message.objects.update(status=MessageStatus.CANCELLED, last_error="")
        assert self.refused(audit_outbox, ["cancelled"]) == "no mail because of 'cancelled', not 'not_asked'"
        audit_outbox.assert_nothing_sent()

    def test_a_mail_that_was_sent(self, change, audit_outbox, user):
        change()
        assert failure_of(audit_outbox.assert_not_sent, DocumentChangedEmail, to=user) == (
            f"expected no DocumentChangedEmail to owner <owner@example.com>, but one was sent\n{SENT}"
        )

    def test_another_that_was_sent_to_the_same_person_is_not_nobody_asked(self, change, audit_outbox, user):
        change()
        audit_outbox.assert_not_sent(to=user, subject="Plan B")
        text = failure_of(audit_outbox.assert_not_sent, to=user, subject="Plan B", because="not_asked")
        assert text == (
            "no mail to owner <owner@example.com> with subject 'Plan B', but another was sent: "
            f"not because of 'not_asked'\n{SENT}"
        )

    @pytest.mark.parametrize(
        "trouble",
        [{"template_name": "nowhere.html"}, {"recipients": lambda event: 1 / 0}],
        ids=["mail", "class"],
    )
    def test_a_failure_is_no_silence(self, audit_outbox, trouble):
        options = dict(trouble)
        with email_kind(options.pop("recipients", ["a@x.example"]), **options):
            record(DocumentAction.FILED)
            assert failure_of(audit_outbox.assert_not_sent, to="a@x.example").startswith(
                "a mail to a@x.example was not declined but failed\n"
                f"{NOTHING_SENT}\n\nnot sent:\n  FiledEmail to "
            )
            assert failure_of(audit_outbox.assert_nothing_sent).startswith(
                f"expected no mail at all\n{NOTHING_SENT}\n\nnot sent:\n  FiledEmail to "
            )
            assert failure_of(audit_outbox.assert_no_more).startswith(
                f"some mails failed\n{NOTHING_SENT}\n\nnot sent:\n  FiledEmail to "
            )
            audit_outbox.assert_not_sent(to="a@x.example", because="failed")

    def test_an_unknown_reason_is_refused_with_those_that_there_are(self, audit_outbox):
        assert failure_of(audit_outbox.assert_not_sent, because="bogus", error=ValueError) == (
            "because='bogus' is no reason; known are actor, bundled, cancelled, covered, deleted, "
            "expired, failed, flag, held, inactive, invalid_address, muted, no_address, not_allowed, "
            "not_asked, permission, should_send, storm, uncertain, unchanged, unsubscribed, waiting."
        )

    def test_a_predicate_of_the_whole_mail_may_ask_what_only_a_sent_one_has(self, change, audit_outbox):
        def is_about_plan_b(email):
            return "Plan B" in email.subject

        change(actor=None)
        audit_outbox.assert_not_sent(is_about_plan_b)
        assert failure_of(audit_outbox.one, is_about_plan_b) == (
            "expected one mail that satisfies is_about_plan_b, but none was sent\n\n"
            "nearest: <DocumentChangedEmail to owner@example.com: 'Plan A was changed'>, but\n"
            f"  it is not one that satisfies is_about_plan_b\n{SENT}"
        )


class TestNothingSent:
    def test_it_does_not_mind_mail_of_others(self, audit_outbox):
        mail.send_mail("Not ours", "x", "a@x.example", ["b@x.example"])
        audit_outbox.assert_nothing_sent()

    def test_it_fails_for_any_mail_and_lists_it(self, change, audit_outbox):
        change()
        assert failure_of(audit_outbox.assert_nothing_sent) == f"expected no mail at all\n{SENT}"


class TestNoMore:
    def test_what_was_asked_for_by_any_question(self, change, audit_outbox, user):
        change(data={"also": ["a@x.example", "b@x.example"]})
        audit_outbox.one(to=user)
        audit_outbox.last(to="a@x.example")
        audit_outbox.all(to="b@x.example")
        audit_outbox.assert_no_more()

    def test_what_nobody_asked_for(self, change, audit_outbox, user):
        change(data={"also": ["a@x.example"]})
        audit_outbox.one(to=user)
        assert failure_of(audit_outbox.assert_no_more) == (
            "one was sent that the test did not ask for\n"
            f"  DocumentChangedEmail  a@x.example  Plan A was changed\n{SENT_TO_BOTH}"
        )

    def test_a_question_that_failed_has_asked_for_nothing(self, change, audit_outbox):
        change(data={"also": ["a@x.example"]})
        failure_of(audit_outbox.one)
        assert failure_of(audit_outbox.assert_no_more).startswith(
            "2 were sent that the test did not ask for\n"
        )


class TestClear:
    def test_what_happened_before_is_arrangement(self, change, audit_outbox, user):
        change(actor=user, data={"also": ["a@x.example"]})
        with email_kind(lambda event: 1 / 0):
            record(DocumentAction.FILED)
            audit_outbox.clear()
            assert audit_outbox.all() == audit_outbox.recorded() == audit_outbox.waiting() == []
            audit_outbox.assert_nothing_sent()
            audit_outbox.assert_not_sent(to=user, because="not_asked")
            audit_outbox.assert_no_more()
        event = change()
        assert audit_outbox.one().event == event
        assert audit_outbox.recorded() == [event]

    def test_a_mail_that_leaves_afterwards_is_seen(self, change, audit_outbox):
        audit_outbox.smtp_fails()
        event = change()
        audit_outbox.clear()
        audit_outbox.assert_nothing_sent()
        assert audit_outbox.waiting() == []
        audit_outbox.advance(timedelta(hours=1))
        assert audit_outbox.one().event == event
        failure_of(audit_outbox.assert_nothing_sent)

    def test_twice_and_with_nothing_there(self, change, audit_outbox):
        audit_outbox.clear()
        change()
        audit_outbox.clear()
        audit_outbox.clear()
        audit_outbox.assert_nothing_sent()


class TestAdvance:
    def test_what_waits_becomes_due(self, change, audit_outbox):
        audit_outbox.smtp_fails()
        change()
        audit_outbox.assert_not_sent(because="waiting")
        audit_outbox.advance(timedelta(seconds=30))
        audit_outbox.assert_not_sent(because="waiting")
        audit_outbox.advance(timedelta(minutes=2))
        audit_outbox.one()

    def test_not_backwards(self, audit_outbox):
        assert failure_of(audit_outbox.advance, timedelta(seconds=-1), error=ValueError) == (
            "time only moves on; advance() got -1 day, 23:59:59."
        )

    def test_what_was_recorded_before_leaves_before(self, change, audit_outbox):
        event = change()
        audit_outbox.advance(timedelta(hours=1))
        assert audit_outbox.one().message.sent_at < event.recorded_at + timedelta(minutes=30)


class TestMailsOfAnOddKind:
    def test_a_message_that_the_server_took_twice_is_two_mails(self, change, audit_outbox):
        audit_outbox.smtp_fails(None, at="end")
        change()
        audit_outbox.one()
        audit_outbox.advance(timedelta(hours=1))
        first, second = audit_outbox.all()
        assert first.headers["Message-ID"] == second.headers["Message-ID"]
        assert first != second

    def test_one_to_several_addresses_is_found_by_each(self, audit_outbox):
        def both(self):
            return ["a@x.example", "b@x.example"]

        with email_kind(["a@x.example"], get_recipient_emails=both):
            record(DocumentAction.FILED)
            email = audit_outbox.one(to="a@x.example")
            assert audit_outbox.one(to="B@x.example") == email
            assert email.to == ["a@x.example", "b@x.example"]

    def test_one_of_a_class_that_is_no_longer_there_is_left_out(self, audit_outbox):
        with email_kind(["a@x.example"]):
            record(DocumentAction.FILED)
            audit_outbox.one()
        assert audit_outbox.all() == []
        audit_outbox.assert_not_sent(to="a@x.example", because="not_asked")

    def test_one_about_several_events_is_found_by_each(self, audit_outbox, change):
        first = change()
        audit_outbox.smtp_fails()
        [email] = audit_outbox.waiting()
        second = record(DocumentAction.FILED)
        audit_outbox.waiting()
        Notification.objects.create(
            event=second,
            email_key=email.message.email_key,
            recipient_key=email.message.recipient_key,
            recipient_id=email.message.recipient_id,
            message=email.message,
            reason="named",
        )
        audit_outbox.advance(timedelta(hours=1))
        sent = audit_outbox.one(event=first)
        assert audit_outbox.one(event=second) == audit_outbox.one(action="document.filed") == sent
        assert (sent.events, sent.event) == ([first, second], second)

    @pytest.mark.parametrize("headers", [{}, {"message-id": "<own@x.example>", "X-Own": "1"}])
    def test_one_whose_class_builds_it_by_itself(self, audit_outbox, headers):
        def build(self):
            return mail.EmailMessage("Built", "by hand", "a@x.example", ["b@x.example"], headers=headers)

        with email_kind(["b@x.example"], build=build):
            record(DocumentAction.FILED)
            email = audit_outbox.one()
        assert (email.subject, email.text, email.html_source, email.links) == ("Built", "by hand", "", [])
        assert email.html.select("p") == []
        assert email.headers["Message-ID"] == email.message.message_id
        assert email.headers.get("X-Own") == headers.get("X-Own")
        assert email.language == ""
        email.assert_not_contains("nothing")
        assert failure_of(email.assert_contains, "by hand") == (
            "FiledEmail to b@x.example: 'by hand' is not in its html part\n  (empty)"
        )
