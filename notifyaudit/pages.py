"""How a page answers that a link of a mail leads to: to whoever has the link, and to nobody else."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from notifyaudit.context import audit_context
from notifyaudit.rendering import template_of
from notifyaudit.throttling import TooManyRequests, count_request
from notifyaudit.tokens import InvalidToken

Page = Callable[[HttpRequest, str], HttpResponse]

_HEADERS = {
    # The URL is all that it takes to act for the reader: other sites, caches and indexes must not have it.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


def behind_link(page: Page) -> Page:
    """
    Decorates a view with a ``token``: it is reached without signing in, answers 400 where the token is
    invalid and 429 where there are too many requests, and what is recorded in it does not tell the token.
    """

    # The token is the authority, not a cookie, so there is nothing that another site could make a browser
    # misuse; and mail providers post the one-click request (RFC 8058) with neither cookie nor CSRF token.
    @csrf_exempt
    @login_not_required
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(page)
    def answer(request: HttpRequest, token: str) -> HttpResponse:
        try:
            with audit_context(metadata={"url": request.path.replace(token, "…")}):
                response = _answer(page, request, token)
        except TooManyRequests as error:
            response = rendered(request, "notifyaudit/too_many_requests.html", status=429)
            response.headers["Retry-After"] = str(error.seconds)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response

    return answer


def _answer(page: Page, request: HttpRequest, token: str) -> HttpResponse:
    try:
        return page(request, token)
    except InvalidToken:
        # By the machine, for there is no reader; and the same for whatever is wrong, so that nobody learns
        # from it whether somebody is known here.
        count_request(f"ip:{request.META.get('REMOTE_ADDR', '')}")
        return rendered(request, "notifyaudit/invalid_link.html", status=400)


def rendered(
    request: HttpRequest,
    template_name: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """A template as a page, whether or not the project's engines look into apps; in the active language."""
    html = template_of(template_name).render(dict(context or {}), request)
    response = HttpResponse(html, status=status)
    if language := translation.get_language():
        response.headers["Content-Language"] = language
    return response
