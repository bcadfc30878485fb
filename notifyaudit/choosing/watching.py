"""The button by which people watch one object: what it shows, and what it does."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from notifyaudit import conf
from notifyaudit.choosing import wording
from notifyaudit.choosing.saving import tell
from notifyaudit.contention import persistent
from notifyaudit.context import audit_context
from notifyaudit.frequency import Frequency
from notifyaudit.identity import id_of, key_from, repr_of, resolve, type_of
from notifyaudit.labels import readable_value
from notifyaudit.links import Reader
from notifyaudit.models import Subscription
from notifyaudit.models.subscription import Matter
from notifyaudit.pages import rendered
from notifyaudit.recipients import Recipient
from notifyaudit.rendering import template_of
from notifyaudit.subjects import require_saved
from notifyaudit.subscribing import mute, subscribe, unsubscribe
from notifyaudit.tokens import InvalidToken, Purpose, read, sign

STOP, MUTE, UNMUTE = "stop", "mute", "unmute"

_EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Watch:
    """
    What one person has said about one object by this button.

    Args:
        row: their subscription to all that happens to it, if they have one.
        mute: their mute of it, if they have one.
    """

    row: Subscription | None
    mute: Subscription | None

    @property
    def words(self) -> str:
        """What the button shows: that they watch, and how soon they hear; that it is muted; or "Watch"."""
        if self.mute is not None:
            return _("Muted")
        if self.row is None:
            return _("Watch")
        if not self.row.frequency:
            return _("Watching")
        return _("Watching (%(frequency)s)") % {"frequency": wording.how_soon(self.row).lower()}

    @property
    def choice(self) -> str:
        """As the ledger shows it."""
        if self.mute is not None:
            return _("Muted")
        return wording.how_soon(self.row) if self.row is not None else readable_value(None)


def button(request: HttpRequest, target: Any, *, next_url: str = "", status: str = "") -> SafeString:
    """
    The button for an object, as HTML; for whoever is not signed in a link to where they do. Two queries.

    Args:
        request: whose user it is for.
        target: what they may watch.
        next_url: where it stands; by default the page of the request.
        status: what has just been done.

    Raises:
        TypeError: if this is no model instance, or its key is a secret, by which it cannot be found again.
        UnsavedTarget, WrongDatabase: see :func:`notifyaudit.record`.
    """
    require_saved(target)
    if key_from(type(target), id_of(target)) is None:
        raise TypeError(f"a {type_of(target)} cannot be watched by a button: its key is a secret.")
    next_url = next_url or request.get_full_path()
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    context: dict[str, Any] = {
        "name": repr_of(target),
        "id": _element_of(target),
        "watchers": _watchers(target),
        "status": status,
    }
    if signed_in:
        watch = _watch_of(user, target)
        context |= {
            "action": reverse("notifyaudit:watch", args=[_token(user, target)]),
            "watch": watch,
            "frequencies": Frequency.choices,
            "next": next_url,
        }
    else:
        context["login"] = redirect_to_login(next_url).url
    html: str = template_of("notifyaudit/watch_button.html").render(context, request)
    return SafeString(html)


# Who is not signed in is sent to sign in, and from there to the page with the button: see _next().
@login_not_required
@require_POST
def watch(request: HttpRequest, token: str) -> HttpResponse:
    """Do what the button says, and go back to where it stands."""
    user, next_url = request.user, _next(request)
    if not user.is_authenticated:
        return redirect_to_login(next_url)
    try:
        user_id, type_name, identifier = _read(token)
    except InvalidToken:
        return rendered(request, "notifyaudit/invalid_link.html", status=400)
    if Recipient.of(user).user_id != user_id:  # it was made for somebody else, who may see more
        return rendered(request, "notifyaudit/invalid_link.html", status=400)
    target = resolve(type_name, identifier, conf.current().DATABASE)
    if target is None:
        raise Http404("the object is gone")
    # The ledger keeps no token.
    with audit_context(metadata={"url": request.path.replace(token, "…")}):
        status = _choose(user, target, request.POST.get("choice", ""))
    if request.headers.get("X-Requested-With") == "XMLHttpRequest":  # the script, which shows it in place
        return HttpResponse(button(request, target, next_url=next_url, status=status))
    return HttpResponseRedirect(next_url)


@persistent
def _choose(user: Any, target: models.Model, choice: str) -> str:
    """What was done, in words."""
    name = {"name": repr_of(target)}
    with transaction.atomic(using=conf.current().DATABASE):
        before = _watch_of(user, target).choice
        if choice in Frequency.values:
            subscribe(user, _EVERYTHING, target=target, frequency=choice)
            status = _("You are watching %(name)s.") % name
        elif choice == MUTE:
            mute(user, target=target)
            status = _("You have muted %(name)s.") % name
        elif choice == UNMUTE:
            unsubscribe(user, target=target)
            status = _("You have unmuted %(name)s.") % name
        elif choice == STOP:
            unsubscribe(user, _EVERYTHING, target=target)
            status = _("You have stopped watching %(name)s.") % name
        else:
            raise BadRequest(f"there is no choice {choice!r}")
        after = _watch_of(user, target).choice
        if after != before:
            tell(Reader.of(user), {repr_of(target): (before, after)})
    return status


def _watch_of(user: Any, target: models.Model) -> Watch:
    rows = _rows(target).filter(subscriber_key=Recipient.of(user).key)
    found = {row.matter: row for row in rows if not row.condition}
    row, silence = found.get(Matter.PATTERN), found.get(Matter.EVERYTHING)
    return Watch(None if row is None or row.muted else row, silence)


def _watchers(target: models.Model) -> int:
    return _rows(target).filter(name=_EVERYTHING, muted=False, group_id="").count()


def _rows(target: models.Model) -> models.QuerySet[Subscription]:
    # By name first: so the index is that of an event's subscribers.
    return Subscription.objects.using(conf.current().DATABASE).filter(
        name__in=[_EVERYTHING, ""], target_type=type_of(target), target_id=id_of(target)
    )


def _element_of(target: models.Model) -> str:
    # A key may hold what the id of an element may not.
    return (
        f"notifyaudit-watch-{hashlib.sha256(f'{type_of(target)} {id_of(target)}'.encode()).hexdigest()[:16]}"
    )


def _token(user: Any, target: models.Model) -> str:
    return sign(Purpose.WATCH, Recipient.of(user).user_id, type_of(target), id_of(target))


def _read(token: str) -> list[str]:
    fields = read(Purpose.WATCH, token)
    if len(fields) != 3:  # noqa: PLR2004 - those of _token()
        raise InvalidToken
    return fields


def _next(request: HttpRequest) -> str:
    """The page with the button, as the form names it; never another site."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else reverse("notifyaudit:preferences")
