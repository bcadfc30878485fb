"""The page on which people choose what they are told, and how soon."""

import pytest
from django.urls import reverse

from notifyaudit import subscribe
from notifyaudit.models import AuditEvent
from tests.integration.kinds import email_kind

pytestmark = pytest.mark.django_db

KEY = "test.kind"
FIELD = f"kind-{KEY}"


@pytest.fixture
def page():
    return reverse("notifyaudit:preferences")


@pytest.fixture
def signed_in(client, user):
    client.force_login(user)
    return client


def test_smoke(signed_in, user, document, page):
    subscribe(user, "*", target=document)
    with email_kind(description="About filing."):
        response = signed_in.get(page)
        assert response.status_code == 200
        print(response.content.decode())
        response = signed_in.post(page, {FIELD: "daily", "timezone": "Europe/Vienna"})
        assert response.status_code == 302
    print(AuditEvent.objects.get().changes)
