"""playwright's sync API keeps an event loop in the test's thread, which Django takes for async code."""

import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connections
from django.http import HttpResponse
from django.urls import path

from notifyaudit import record
from tests.acceptance.browser import chromium
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction


@login_not_required
def filing(request):
    record(DocumentAction.FILED)
    return HttpResponse("<h1>Filed</h1>")


urlpatterns = [path("file/", filing)]


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
def test_what_a_browser_did_is_in_the_answer(live_server, audit_outbox, monkeypatch):
    with email_kind(["a@x.example"]), chromium() as browser:
        page = browser.new_page()
        page.goto(f"{live_server.url}/file/")
        assert page.inner_text("h1") == "Filed"
        with pytest.raises(SynchronousOnlyOperation, match="aone"):
            audit_outbox.one(to="a@x.example")
        monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        audit_outbox.one(to="a@x.example")
        page.close()
        # Under a running loop Django has a connection of its own, which would keep the database in use.
        connections.close_all()
