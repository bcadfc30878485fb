"""Tells every record() of a request who is signed in and which request it is."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from notifyaudit import compat
from notifyaudit.context import AuditContext, activate

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


class AuditMiddleware:
    """
    Sets actor, path, method and correlation id for each request, sync or async.

    The actor is ``request.user`` at the moment of each record(). The correlation id is django-guid's where
    its middleware runs too, before or after this one, else a new one. Of the URL only the path is kept: a
    query string may hold a token or personal data.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: "Callable[[HttpRequest], Any]") -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: "HttpRequest") -> Any:
        """The response, or in an async stack the coroutine of it."""
        if iscoroutinefunction(self.get_response):
            return self._respond(request)
        with activate(_context_of(request)):
            return self.get_response(request)

    async def _respond(self, request: "HttpRequest") -> Any:
        with activate(_context_of(request)):
            return await self.get_response(request)


def _context_of(request: "HttpRequest") -> AuditContext:
    own = uuid4().hex
    return AuditContext(
        get_actor=lambda: getattr(request, "user", None),
        get_correlation_id=lambda: compat.correlation_id() or own,
        metadata={"url": request.path, "method": request.method},
    )
