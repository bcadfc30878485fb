"""The pages that the links of a mail lead to. A GET changes nothing: scanners of mail follow every link."""

from contextlib import AbstractContextManager

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation

from notifyaudit import offers
from notifyaudit.links import Reader, Scope, read_undo_token, read_unsubscribe_token, undo_token
from notifyaudit.optouts import is_undone, opt_out, opt_out_of
from notifyaudit.optouts import undo as undo_opt_out
from notifyaudit.pages import behind_link, rendered
from notifyaudit.throttling import count_request


@behind_link
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Say what can be stopped, and ask; on POST stop it: what was chosen, else what the link is for."""
    name, scope = read_unsubscribe_token(token)
    count_request(name)
    reader = Reader.named(name)
    with _language_of(reader):
        found = offers.offers_of(scope)
        if request.method != "POST":
            return rendered(request, "notifyaudit/unsubscribe.html", {"offers": found})
        is_one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        wanted = None if is_one_click else request.POST.get("extent")
        chosen = _chosen(found, wanted) if wanted else scope
        if chosen is None:
            context = {"offers": found, "error": True}
            return rendered(request, "notifyaudit/unsubscribe.html", context, status=400)
        event = opt_out(reader, chosen)
        # No redirect for who posts by one click (RFC 8058, section 3.1), nor where there is nothing to undo.
        if is_one_click or event is None:
            return rendered(request, "notifyaudit/stopped.html", {"offer": offers.offer_of(chosen)})
        return _see(undo_token(event.pk))


@behind_link
def undo(request: HttpRequest, token: str) -> HttpResponse:
    """Say what was stopped, and offer to take that back; on POST take it back."""
    event_id = read_undo_token(token)
    event, scope, name = opt_out_of(event_id)
    count_request(name)
    reader = Reader.named(name)
    if request.method == "POST":
        undo_opt_out(reader, event)
        return _see(token)
    with _language_of(reader):
        context = {"offer": offers.offer_of(scope), "can_undo": True}
        if is_undone(event):
            return rendered(request, "notifyaudit/undone.html", context)
        return rendered(request, "notifyaudit/stopped.html", context)


def _chosen(found: list[offers.Offer], extent: str) -> Scope | None:
    return next((offer.scope for offer in found if offer.scope.extent == extent), None)


def _see(token: str) -> HttpResponse:
    # See other, so that neither "back" nor "reload" posts again.
    response = redirect("notifyaudit:undo", token)
    response.status_code = 303
    return response


def _language_of(reader: Reader) -> AbstractContextManager[None]:
    # As their mails; else that of the request.
    return translation.override(reader.language or translation.get_language())
