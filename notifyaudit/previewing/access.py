"""Who may look: everybody while a project is being written, later staff with a permission."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse

from notifyaudit import conf

PERMISSION = "notifyaudit.preview_emails"


def may_preview(user: Any) -> bool:
    """Whether this user may look at mails: anybody with ``DEBUG``, else staff with the permission."""
    if conf.is_debug():
        return True
    # A user model of a project's own need not know what staff is; the permission alone decides then.
    is_staff = getattr(user, "is_staff", True)
    return bool(getattr(user, "is_active", False) and is_staff and user.has_perm(PERMISSION))


def for_who_may_preview(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """
    Decorates a view: who is not signed in is sent to do so, and for anybody else who may not look there is
    no such page.
    """

    # Decided here, since with DEBUG nobody needs to be signed in.
    @login_not_required
    @wraps(view)
    def answer(request: HttpRequest, **arguments: Any) -> HttpResponse:
        user = getattr(request, "user", None)
        if not may_preview(user):
            if user is None or not user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            raise Http404
        response = view(request, **arguments)
        # Events are what people did; the mails about them are for nobody else's cache.
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return answer
