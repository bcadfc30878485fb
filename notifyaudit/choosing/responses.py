"""A page of the library as a response: the project's look, and headers that keep it private."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from notifyaudit.rendering import template_of


def page(
    request: HttpRequest, template_name: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """The template, of the project or of the library. Nobody keeps it, and no search engine lists it."""
    html = template_of(template_name).render(dict(context), request)
    response = HttpResponse(html, status=status)
    add_never_cache_headers(response)
    response["X-Robots-Tag"] = "noindex"
    return response


def refused(request: HttpRequest) -> HttpResponse:
    """For a link that this site has not signed: says nothing of anybody."""
    context = {
        "heading": _("This link does not work"),
        "text": _("It is not complete, or has been altered. Open it from the mail once more."),
    }
    return page(request, "notifyaudit/refused.html", context, status=400)


def is_fetched(request: HttpRequest) -> bool:
    """Whether the page's own script asks, and shows the answer in place."""
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"
