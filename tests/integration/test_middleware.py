"""AuditMiddleware: every event of a request knows who, where and which request it was."""

import threading

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from django_guid import clear_guid, set_guid

from notifyaudit import record
from notifyaudit.context import current
from notifyaudit.middleware import AuditMiddleware
from notifyaudit.models import AuditEvent
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db


def view(request):
    return HttpResponse(str(record(DocumentAction.FILED).pk))


def answered(request, respond=view):
    return AuditEvent.objects.get(pk=int(AuditMiddleware(respond)(request).content))


def test_a_request_sets_actor_url_method_and_correlation_id(user):
    request = RequestFactory().post("/documents/7/?token=secret")
    request.user = user
    event = answered(request)
    assert event.actor == user
    assert event.metadata == {"url": "/documents/7/", "method": "POST"}
    assert len(event.correlation_id) == 32


def test_who_signs_in_late_in_the_request_is_the_actor(user):
    def late(request):
        request.user = user
        return view(request)

    assert answered(RequestFactory().get("/"), late).actor == user


def test_a_request_without_authentication_has_no_actor():
    assert answered(RequestFactory().get("/")).actor_id == ""


def test_each_request_has_its_own_correlation_id():
    first, second = answered(RequestFactory().get("/")), answered(RequestFactory().get("/"))
    assert first.correlation_id != second.correlation_id


def test_the_id_of_django_guid_is_taken_over():
    set_guid("guid-of-the-request")
    try:
        assert answered(RequestFactory().get("/")).correlation_id == "guid-of-the-request"
    finally:
        clear_guid()


def test_nothing_is_left_after_the_request_even_when_it_raises(user):
    def failing(request):
        raise RuntimeError

    request = RequestFactory().get("/")
    request.user = user
    with pytest.raises(RuntimeError):
        AuditMiddleware(failing)(request)
    assert current().get_actor() is None


def test_concurrent_requests_do_not_see_each_other():
    barrier, seen = threading.Barrier(2), {}

    def respond(request):
        barrier.wait(5)
        seen[request.path] = current().metadata["url"]
        return HttpResponse()

    threads = [
        threading.Thread(target=AuditMiddleware(respond), args=[RequestFactory().get(path)])
        for path in ("/a/", "/b/")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert seen == {"/a/": "/a/", "/b/": "/b/"}


def test_an_async_request_is_served_the_same(user):
    async def async_view(request):
        event = await sync_to_async(record)(DocumentAction.FILED)
        return HttpResponse(str(event.pk))

    request = AsyncRequestFactory().get("/async/")
    request.user = user
    response = async_to_sync(AuditMiddleware(async_view))(request)
    event = AuditEvent.objects.get(pk=int(response.content))
    assert (event.actor, event.metadata["url"]) == (user, "/async/")
