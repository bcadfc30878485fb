"""The list of mails, and the page of one. A GET writes nothing, a POST sends one mail to whoever asks."""

from dataclasses import dataclass, field
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from notifyaudit import undefined
from notifyaudit.actions import known
from notifyaudit.emails import AuditEmail
from notifyaudit.exceptions import WriteRefused
from notifyaudit.models import AuditEvent
from notifyaudit.pages import rendered
from notifyaudit.previewing import options as choosable
from notifyaudit.previewing.access import for_who_may_preview
from notifyaudit.previewing.faults import Fault, fault_of, fault_of_hole
from notifyaudit.previewing.finding import LATEST, SAMPLE, SHOWN, Found, events_for, find
from notifyaudit.previewing.guard import reading_only
from notifyaudit.previewing.listing import entries, entry_of
from notifyaudit.previewing.looking import Look, in_language, look_at, shown
from notifyaudit.previewing.options import Options
from notifyaudit.previewing.sending import address_of, destination, send_to
from notifyaudit.registry import emails

_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src * data:; "
    "font-src * data:; style-src 'unsafe-inline' https:; form-action 'none'; frame-ancestors 'self'"
)
"""A mail is somebody's text: its styles and images are shown, and it can do nothing."""


@dataclass(slots=True)
class Outcome:
    """What looking at a mail came to: ``look`` is ``None`` where it could not be made."""

    found: Found | None = None
    look: Look | None = None
    language: str = ""
    faults: list[Fault] = field(default_factory=list)


@require_safe
@for_who_may_preview
def preview_list(request: HttpRequest) -> HttpResponse:
    """Every kind of mail."""
    return rendered(request, "notifyaudit/previews/list.html", {"groups": entries()})


@require_http_methods(["GET", "HEAD", "POST"])
@for_who_may_preview
@csrf_protect
def preview(request: HttpRequest, key: str) -> HttpResponse:
    """One kind of mail; with ``?raw`` the mail itself, as it stands in the frame of this page."""
    email_class = emails.get(key)
    if email_class is None:
        raise Http404
    options = Options.of(request.GET)
    viewer = _viewer(request)
    failure = None
    if request.method == "POST":
        failure = _send(email_class, options, viewer)
        if failure is None:
            return HttpResponseRedirect(f"{request.path}{options.query('sent')}")
    outcome = _look(email_class, options, viewer)
    if "raw" in request.GET:
        return _raw(outcome.look.html if outcome.look else "", options.scheme)
    context = _context(email_class, options, outcome) | {
        "address": destination(address_of(viewer)),
        "sent": "sent" in request.GET and failure is None,
        "failure": failure,
    }
    return rendered(request, "notifyaudit/previews/mail.html", context, status=422 if failure else 200)


def _viewer(request: HttpRequest) -> Any:
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def _look(email_class: type[AuditEmail], options: Options, viewer: Any) -> Outcome:
    outcome, errors = Outcome(language=options.language), list[Exception]()
    with undefined.noticed() as holes, reading_only() as refused:
        try:
            outcome.found = find(email_class, options.event, viewer=viewer)
            email = outcome.found.email
            if options.language:
                in_language(email, options.language)
            outcome.language = email.get_translation() or ""
            outcome.look = look_at(email)
        except Exception as error:  # noqa: BLE001 - a project's own code, whose error is what we are to show
            errors.append(error)
    outcome.faults += map(fault_of, errors)
    outcome.faults += map(fault_of_hole, holes)
    if not any(isinstance(error, WriteRefused) for error in errors):
        outcome.faults += [
            Fault(text=_("It writes, and was kept from it: %(sql)s") % {"sql": sql}) for sql in refused
        ]
    return outcome


def _send(email_class: type[AuditEmail], options: Options, viewer: Any) -> Fault | None:
    address = address_of(viewer)
    if not address:
        return Fault(text=_("Nobody is signed in who has an address."))
    try:
        with reading_only():
            email = find(email_class, options.event, viewer=viewer).email
            if options.language:
                in_language(email, options.language)
        send_to(email, address)
    except Exception as error:  # noqa: BLE001 - as above, and what a mail server says
        return fault_of(error)
    return None


def _raw(html: str, scheme: str) -> HttpResponse:
    response = HttpResponse(shown(html, scheme))
    # Set here, so that the middlewares of a project leave them alone.
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _context(email_class: type[AuditEmail], options: Options, outcome: Outcome) -> dict[str, Any]:
    look = outcome.look
    return {
        "entry": entry_of(email_class),
        "options": options,
        "query": options.query(),
        "raw": options.query("raw", width=choosable.DESKTOP, part=choosable.HTML),
        "look": look,
        "faults": outcome.faults,
        "declined": outcome.found is not None and outcome.found.declined,
        "head": [(name, look.header(name)) for name in ("From", "To", "Cc", "Reply-To") if look.header(name)]
        if look
        else [],
        "about": _about(email_class, options, outcome),
        "widths": choosable.widths(options),
        "schemes": choosable.schemes(options),
        "parts": choosable.parts(options),
        "languages": choosable.languages(options, outcome.language),
    }


def _about(email_class: type[AuditEmail], options: Options, outcome: Outcome) -> list[tuple[str, str, bool]]:
    """What the mail can be about: ``(value, label, whether it is)``."""
    current = options.event or (outcome.found.choice if outcome.found else SAMPLE)
    events = list(events_for(email_class)[:SHOWN])
    offered = [(SAMPLE, _("A sample"))]
    if email_class.collects and events:
        offered.append((LATEST, _("What has happened lately")))
    elif current == LATEST and events:
        current = str(events[0].pk)
    offered += [(str(event.pk), _event_label(event)) for event in events]
    if current not in dict(offered):
        offered.append((current, _("Event %(key)s") % {"key": current}))
    return [(value, label, value == current) for value, label in offered]


def _event_label(event: AuditEvent) -> str:
    moment = event.recorded_at
    when = date_format(localtime(moment) if is_aware(moment) else moment, "SHORT_DATETIME_FORMAT")
    about = Truncator(event.target_repr).chars(60)
    return " · ".join(part for part in (about, known.label(event.action), when, f"#{event.pk}") if part)
