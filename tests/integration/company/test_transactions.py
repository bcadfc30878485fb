"""Tests that commit, that capture hooks, and a live server that records in threads of its own."""

from urllib.request import urlopen

import pytest
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpResponse
from django.test import TestCase, TransactionTestCase
from django.urls import path

from notifyaudit import record
from notifyaudit.testing import AuditOutboxMixin
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document


@transaction.atomic
def file(title):
    document = Document.objects.create(title=title)
    return record(DocumentAction.FILED, target=document)


@login_not_required
def filing(request, title):
    return HttpResponse(str(file(title).pk))


@login_not_required
def refused(request, title):
    with transaction.atomic():
        file(title)
        transaction.set_rollback(True)
    return HttpResponse("refused")


urlpatterns = [path("file/<title>/", filing), path("refuse/<title>/", refused)]


@pytest.fixture(autouse=True)
def kind():
    with email_kind(["a@x.example"], subject="{{ target }}"):
        yield


@pytest.mark.django_db(transaction=True)
def test_what_was_committed(audit_outbox):
    file("Plan A")
    audit_outbox.one(subject="Plan A")


def test_the_fixture_may_come_after_the_outbox(audit_outbox, transactional_db):
    with transaction.atomic():
        file("Plan A")
        with pytest.raises(AssertionError, match="open"):
            audit_outbox.one()
    audit_outbox.one(subject="Plan A")


@pytest.mark.parametrize("number", [1, 2])
def test_nothing_is_left_for_the_next_test_that_commits(transactional_db, audit_outbox, number):
    file(f"Plan {number}")
    assert [email.subject for email in audit_outbox.all()] == [f"Plan {number}"]


@pytest.mark.urls(__name__)
class TestLiveServer:
    def fetch(self, live_server, address):
        with urlopen(f"{live_server.url}/{address}/", timeout=30) as response:
            return response.read().decode()

    def test_requests_over_http_are_in_the_answer(self, live_server, audit_outbox):
        audit_outbox.assert_nothing_sent()
        pk = self.fetch(live_server, "file/PlanA")
        assert audit_outbox.one(subject="PlanA").event.pk == int(pk)
        self.fetch(live_server, "file/PlanB")
        audit_outbox.one(subject="PlanB")
        audit_outbox.assert_no_more()

    def test_what_a_view_rolled_back_is_not(self, live_server, audit_outbox):
        assert self.fetch(live_server, "refuse/PlanA") == "refused"
        audit_outbox.assert_nothing_sent()
        assert audit_outbox.recorded() == []

    def test_the_metadata_is_that_of_the_request(self, live_server, audit_outbox):
        self.fetch(live_server, "file/PlanA")
        assert audit_outbox.one().event.metadata == {"url": "/file/PlanA/", "method": "GET"}


class TestHooks:
    """No hook sends the mails, so capturing hooks changes nothing, whether they are run or not."""

    @pytest.mark.parametrize("execute", [True, False])
    def test_captured_by_pytest_django(self, django_capture_on_commit_callbacks, db, audit_outbox, execute):
        ran = []
        with django_capture_on_commit_callbacks(execute=execute) as hooks:
            file("Plan A")
            transaction.on_commit(lambda: ran.append("mine"))
            audit_outbox.one(subject="Plan A")
        assert (len(hooks), ran) == (1, ["mine"] * execute)
        audit_outbox.assert_no_more()

    def test_what_a_hook_records_is_seen_after_it_ran(
        self, django_capture_on_commit_callbacks, db, audit_outbox
    ):
        with django_capture_on_commit_callbacks(execute=True):
            transaction.on_commit(lambda: file("Plan B"))
            audit_outbox.assert_nothing_sent()
        audit_outbox.one(subject="Plan B")


@pytest.mark.usefixtures("kind")
class CapturingTest(AuditOutboxMixin, TestCase):
    def test_hooks_that_a_test_case_captures(self):
        with self.captureOnCommitCallbacks(execute=True) as hooks:
            file("Plan A")
        assert hooks == []
        self.audit_outbox.one(subject="Plan A")


@pytest.mark.usefixtures("kind")
class CommittingTest(AuditOutboxMixin, TransactionTestCase):
    def test_what_a_transaction_test_case_commits(self):
        file("Plan A")
        self.audit_outbox.one(subject="Plan A")
