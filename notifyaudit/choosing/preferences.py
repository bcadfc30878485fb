"""The preference centre: of whoever is signed in, or of whoever holds the link of a plain address."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from notifyaudit import conf
from notifyaudit.addresses import veiled
from notifyaudit.choosing.forms import PreferencesForm, kind_field, row_field
from notifyaudit.choosing.kinds import by_app, choice_of, kinds_for, words_of
from notifyaudit.choosing.saving import end_wish, save
from notifyaudit.choosing.wishes import Collector, Wishes
from notifyaudit.links import Reader, read_preferences_token
from notifyaudit.pages import behind_link, rendered
from notifyaudit.throttling import count_request


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def preferences(request: HttpRequest) -> HttpResponse:
    """Of the user who is signed in."""
    response = _respond(request, Reader.of(request.user))
    add_never_cache_headers(response)
    return response


@behind_link
def address_preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Of a plain address; a user's link leads to where they sign in."""
    name = read_preferences_token(token)
    count_request(name)
    reader = Reader.named(name)
    if reader.user is not None:
        return redirect("notifyaudit:preferences")
    with translation.override(reader.language or translation.get_language()):
        return _respond(request, reader)


def _respond(request: HttpRequest, reader: Reader) -> HttpResponse:
    kinds = kinds_for(reader)
    wishes = Collector(reader, [email_class.key for email_class in kinds]).collect()
    if request.method == "POST" and "end" in request.POST:
        for wish in wishes.own():
            if wish.row.key == request.POST["end"]:
                end_wish(reader, wish)
        # What is not there any more has been ended already, in another tab.
        return _done(request, "ended")
    data = request.POST if request.method == "POST" else None
    form = PreferencesForm(data, reader=reader, kinds=kinds, wishes=wishes)
    if form.is_valid():
        save(reader, form)
        return _done(request, "saved")
    status = ""
    if form.is_bound:
        status = _("Nothing was saved. Please look at what is marked.")
    elif request.method != "POST":
        status = {"saved": _("Your choices are saved."), "ended": _("That has ended.")}.get(
            request.GET.get("done", ""), ""
        )
    context = _context(reader, form, wishes) | {"status": status}
    return rendered(request, "notifyaudit/preferences.html", context, status=422 if form.errors else 200)


def _done(request: HttpRequest, what: str) -> HttpResponse:
    return HttpResponseRedirect(f"{request.path}?done={what}")


def _context(reader: Reader, form: PreferencesForm, wishes: Wishes) -> dict[str, Any]:
    return {
        "form": form,
        "groups": [
            (name, [_kind(form, wishes, email_class) for email_class in email_classes])
            for name, email_classes in by_app(form.kinds.values()).items()
        ],
        "watched": [(wish, form[row_field(wish)] if wish.can_change else None) for wish in wishes.watched],
        "wishes": wishes,
        "address": "" if reader.user is not None else veiled(reader.recipient.address),
        "zone": form.initial["timezone"],
        "has_languages": len(conf.languages()) > 1,
        "can_take_part": "auto_subscribe" in form.fields,
    }


def _kind(form: PreferencesForm, wishes: Wishes, email_class: Any) -> dict[str, Any]:
    return {
        "label": email_class.label,
        "description": email_class.description,
        "field": None if email_class.mandatory else form[kind_field(email_class)],
        "choice": words_of(email_class, choice_of(email_class, wishes.kinds.get(email_class.key))),
    }
