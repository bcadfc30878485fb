"""django-subatomic: its transactions, its checks in tests, and hooks that begin one of their own."""

import pytest
from django.db import transaction as django_transaction
from django.test import TestCase, override_settings

from notifyaudit import record, track
from notifyaudit.exceptions import NotInTransaction
from notifyaudit.models import AuditEvent, Notification
from notifyaudit.tasks import sweep
from notifyaudit.testing import AuditOutboxMixin
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document

subatomic = pytest.importorskip("django_subatomic.db", reason="django-subatomic needs Python 3.12")
part_of_a_transaction = pytest.importorskip("django_subatomic.test").part_of_a_transaction


@pytest.fixture(autouse=True)
def kind():
    with email_kind(["a@x.example"], subject="{{ target }}"):
        yield


@pytest.fixture(params=[False, True], ids=["in the test's transaction", "with real commits"])
def database(request):
    """pytest-django's fixtures for both."""
    request.getfixturevalue("transactional_db" if request.param else "db")


def file(title):
    document = Document.objects.create(title=title)
    record(DocumentAction.FILED, target=document)
    return document


def subjects(outbox):
    return sorted(email.subject for email in outbox.all())


class TestTransactions:
    def test_what_is_recorded_in_one_is_sent(self, database, audit_outbox):
        with subatomic.transaction():
            file("Plan A")
        subatomic.transaction(file)("Plan B")
        with subatomic.transaction_if_not_already():
            file("Plan C")
        assert subjects(audit_outbox) == ["Plan A", "Plan B", "Plan C"]

    def test_what_is_rolled_back_is_not(self, database, audit_outbox):
        with pytest.raises(LookupError), subatomic.transaction():
            file("Plan A")
            raise LookupError
        with subatomic.transaction():
            file("Plan B")
            with pytest.raises(LookupError), subatomic.savepoint():
                file("Plan C")
                raise LookupError
            with subatomic.savepoint():
                file("Plan D")
        assert subjects(audit_outbox) == ["Plan B", "Plan D"]
        assert AuditEvent.objects.count() == 2

    def test_a_question_inside_of_one_is_refused(self, database, audit_outbox):
        with subatomic.transaction():
            file("Plan A")
            with pytest.raises(AssertionError, match="open"):
                audit_outbox.one()
        audit_outbox.one(subject="Plan A")

    def test_a_part_of_one(self, db, audit_outbox):
        @subatomic.transaction_required
        def required():
            file("Plan A")

        with part_of_a_transaction():
            required()
        audit_outbox.one(subject="Plan A")

    def test_track_is_a_transaction_where_there_is_none_and_part_of_one(self, database, audit_outbox):
        document = file("Plan A")
        audit_outbox.clear()
        with email_kind(
            ["b@x.example"], key="test.changed", name="ChangedEmail", actions=[DocumentAction.CHANGED]
        ):
            with track(document, DocumentAction.CHANGED):
                assert subatomic.in_transaction()
                Document.objects.update(title="Plan B")
            with subatomic.transaction(), track(document, DocumentAction.CHANGED):
                Document.objects.update(title="Plan C")
            assert not subatomic.in_transaction()
            assert len(audit_outbox.all(to="b@x.example")) == 2

    def test_what_must_be_in_a_transaction_is_so_with_theirs(self, transactional_db):
        with override_settings(NOTIFYAUDIT={"REQUIRE_ATOMIC": True}):
            with subatomic.transaction():
                file("Plan A")
            with pytest.raises(NotInTransaction):
                record(DocumentAction.FILED)


class TestDurable:
    def test_recording_leaves_nothing_open(self, database, audit_outbox):
        subatomic.durable(file)("Plan A")
        audit_outbox.one(subject="Plan A")

    def test_a_sweep_is_durable(self, transactional_db, audit_outbox, mailoutbox):
        file("Plan A")
        assert subatomic.durable(sweep)().routed == 1

    def test_the_outbox_may_be_asked_by_a_durable_function(self, database, audit_outbox):
        file("Plan A")
        assert subatomic.durable(audit_outbox.one)().subject == "Plan A"


class TestAfterCommit:
    def test_what_a_callback_records_is_sent(self, database, audit_outbox):
        with subatomic.transaction():
            file("Plan A")
            subatomic.run_after_commit(lambda: file("Plan B"))
        assert subjects(audit_outbox) == ["Plan A", "Plan B"]

    def test_an_event_leaves_no_hook_that_its_checks_would_find(self, db, audit_outbox):
        file("Plan A")
        with django_transaction.atomic():
            file("Plan B")
        with subatomic.transaction():  # raises, if a hook of the above is pending
            file("Plan C")
        with part_of_a_transaction():  # so does this
            file("Plan D")
        assert len(audit_outbox.all()) == 4
        with subatomic.transaction():
            file("Plan E")
        audit_outbox.one(subject="Plan E")

    @pytest.mark.parametrize(
        "setting",
        [
            "SUBATOMIC_AFTER_COMMIT_NEEDS_TRANSACTION",
            "SUBATOMIC_AFTER_COMMIT_AMBIGUITY_ERROR_IN_TESTS",
            "SUBATOMIC_CATCH_UNHANDLED_AFTER_COMMIT_CALLBACKS_IN_TESTS",
            "SUBATOMIC_RUN_AFTER_COMMIT_CALLBACKS_IN_TESTS",
        ],
    )
    def test_each_of_its_settings_may_be_off(self, database, setting, audit_outbox):
        with override_settings(**{setting: False}):
            with subatomic.transaction():
                file("Plan A")
                subatomic.run_after_commit(lambda: None)
            audit_outbox.one(subject="Plan A")


class TestHooks:
    """A worker has no transaction open when it asks a hook, and in a test it must look so as well."""

    @pytest.fixture(params=["durable", "transaction", "atomic"])
    def begin(self, request):
        def title():
            return Document.objects.create(title="made by the hook").title

        return {
            "durable": subatomic.durable(title),
            "transaction": subatomic.transaction(title),
            "atomic": django_transaction.atomic(durable=True)(title),
        }[request.param]

    def test_get_recipients_may_begin_one(self, database, begin, audit_outbox):
        with email_kind(lambda event: [begin() and "b@x.example"], key="test.hook", name="HookEmail"):
            file("Plan A")
            audit_outbox.one(to="b@x.example")

    def test_and_so_may_what_makes_the_mail(self, database, begin, audit_outbox):
        said = {"should_send": lambda self: bool(begin())}
        with email_kind(["b@x.example"], key="test.hook", name="HookEmail", **said):
            file("Plan A")
            audit_outbox.one(to="b@x.example")

    def test_one_that_fails_does_not_break_the_tests_transaction(self, db, audit_outbox):
        @subatomic.transaction
        def failing(event):
            Document.objects.create(pk=Document.objects.get().pk)

        with email_kind(failing, key="test.hook", name="HookEmail"):
            file("Plan A")
            assert [email.to for email in audit_outbox.all()] == [["a@x.example"]]
            failure = Notification.objects.get(email_key="test.hook")
            assert failure.error.startswith("IntegrityError")
            assert Document.objects.count() == 1


# For its check on ambiguity a second block of Django's own TestCase is one of the code under test.
@override_settings(SUBATOMIC_AFTER_COMMIT_AMBIGUITY_ERROR_IN_TESTS=False)
@pytest.mark.usefixtures("kind")
class InATestCase(AuditOutboxMixin, TestCase):
    def test_events_and_their_checks(self):
        file("Plan A")
        with subatomic.transaction():
            file("Plan B")
            subatomic.run_after_commit(lambda: file("Plan C"))
        assert subjects(self.audit_outbox) == ["Plan A", "Plan B", "Plan C"]
