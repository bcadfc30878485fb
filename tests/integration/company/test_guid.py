"""django-guid: one id for a request, its events, their mails and what is logged while they leave."""

import logging
from io import StringIO

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpResponse
from django.test import AsyncClient, override_settings
from django.urls import path
from django_guid import clear_guid, get_guid, set_guid
from django_guid.config import settings as guid_settings
from django_guid.log_filters import CorrelationId

from notifyaudit import audit_context, record
from notifyaudit.models import AuditEvent
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

GUID = "django_guid.middleware.guid_middleware"
AUDIT = "notifyaudit.middleware.AuditMiddleware"
GIVEN = "0f4c6e0e6f0b4d0d9b2b8a3c1d2e3f40"


@login_not_required
def filing(request):
    with transaction.atomic():
        record(DocumentAction.FILED)
        with audit_context(metadata={"part": 2}):
            record(DocumentAction.FILED)
    return HttpResponse("filed")


@login_not_required
async def filing_async(request):
    await sync_to_async(filing)(request)
    return HttpResponse("filed")


urlpatterns = [path("file/", filing), path("file-async/", filing_async), path("alive/", filing)]


@pytest.fixture(params=[(GUID, AUDIT), (AUDIT, GUID)], ids=["before", "after"])
def both(request):
    """django-guid's middleware before ours, and after it."""
    with override_settings(MIDDLEWARE=list(request.param)):
        yield


@pytest.fixture
def lines():
    """What the library logs, each line with the id that django-guid's filter gives it."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(CorrelationId())
    handler.setFormatter(logging.Formatter("%(correlation_id)s %(message)s"))
    logger = logging.getLogger("notifyaudit")
    logger.addHandler(handler)
    yield lambda: [tuple(line.split(" ", 1)) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


@pytest.fixture(autouse=True)
def _outside_of_a_request():
    clear_guid()
    yield
    clear_guid()


def ids():
    return list(AuditEvent.objects.order_by("pk").values_list("correlation_id", flat=True))


def test_one_id_from_the_request_to_the_header_and_the_log(both, client, audit_outbox, lines):
    with email_kind(["a@x.example"]):
        response = client.get("/file/", headers={"Correlation-ID": GIVEN})
        assert response["Correlation-ID"] == GIVEN
        assert get_guid() is None  # the request is over: what follows happens without it, as in a worker
        for email in audit_outbox.all():
            email.assert_header("X-Correlation-ID", GIVEN)
    assert ids() == [GIVEN, GIVEN]
    assert [(identifier, text.split()[-1]) for identifier, text in lines()] == [(GIVEN, "sent")] * 2
    assert get_guid() is None


def test_without_a_header_the_id_that_the_response_has(both, client):
    first, second = client.get("/file/")["Correlation-ID"], client.get("/file/")["Correlation-ID"]
    assert ids() == [first, first, second, second]
    assert first != second


def test_a_path_that_django_guid_ignores_still_has_one_id(both, client, monkeypatch):
    monkeypatch.setitem(guid_settings.settings, "IGNORE_URLS", ["alive"])  # read once, at its import
    assert "Correlation-ID" not in client.get("/alive/")
    first, second = ids()
    assert first == second != ""


@pytest.mark.parametrize("address", ["/file/", "/file-async/"])
def test_an_async_stack_has_it_too(address, both):
    response = async_to_sync(AsyncClient().get)(address)
    assert ids() == [response["Correlation-ID"]] * 2


def test_each_mail_of_a_worker_is_logged_under_its_own_id(lines):
    with email_kind(["a@x.example"]):
        for identifier in ("one", "two"):
            with audit_context(correlation_id=identifier):
                record(DocumentAction.FILED)
        set_guid("the worker's own")
        route_pending()
        send_due()
    assert [identifier for identifier, _ in lines()] == ["one", "two"]
    assert get_guid() == "the worker's own"


def test_what_a_hook_logs_and_what_is_logged_about_it(lines):
    def recipients(event):
        logging.getLogger("notifyaudit").info("asked")
        raise LookupError("no such building")

    with email_kind(recipients), audit_context(correlation_id="request-7"):
        record(DocumentAction.FILED)
    with email_kind(recipients):
        route_pending()
    said = [line for line in lines() if not line[0].startswith(("Traceback", " ", "LookupError"))]
    about = [line for line in said if "asked" in line[1] or "could not say" in line[1]]
    assert [identifier for identifier, _ in about] == ["request-7", "request-7"]


def test_a_mail_that_the_server_refuses(lines, audit_outbox):
    with email_kind(["a@x.example"]):
        with audit_context(correlation_id="request-7"):
            record(DocumentAction.FILED)
        audit_outbox.smtp_fails(with_code=550)
        audit_outbox.assert_not_sent(because="failed")
    assert [line[0] for line in lines()] == ["request-7"]


def test_an_audit_context_outside_of_our_middleware_takes_it_over():
    set_guid("of a celery task")
    with audit_context(metadata={"job": "nightly"}):
        assert record(DocumentAction.FILED).correlation_id == "of a celery task"
    with audit_context(correlation_id="own"):
        assert record(DocumentAction.FILED).correlation_id == "own"
