"""Pages: an inspection from its creation to its end."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from example_site.inspections.forms import InspectionForm, PhotoForm, ReasonForm
from example_site.inspections.models import Building, Inspection
from example_site.inspections.rules import may_schedule, rights
from example_site.inspections.views.attempts import attempt, refuse_completed
from example_site.inspections.views.pages import inspection_page, visible_inspection


@require_GET
def inspection(request: HttpRequest, pk: int) -> HttpResponse:
    return inspection_page(request, visible_inspection(request, pk), PhotoForm())


@require_http_methods(["GET", "POST"])
def inspection_new(request: HttpRequest) -> HttpResponse:
    if not may_schedule(request.user):
        raise PermissionDenied
    buildings = Building.objects.visible_to(request.user)
    wanted = request.GET.get("building", "")
    found = get_object_or_404(buildings, pk=int(wanted) if wanted.isdecimal() else 0)
    form = InspectionForm(
        request.POST if request.method == "POST" else None,
        instance=Inspection(building=found),
        initial={"inspector": request.user},
    )
    if form.is_valid():
        created = form.save(commit=False)
        created.schedule()
        messages.success(request, _("“%(title)s” was created.") % {"title": created})
        return redirect(created)
    return render(request, "inspections/pages/inspection_form.html", {"form": form, "building": found})


@require_http_methods(["GET", "POST"])
def inspection_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible_inspection(request, pk)
    if not rights(request.user, found).edit:
        raise PermissionDenied
    if refuse_completed(request, found):
        return redirect(found)
    form = InspectionForm(request.POST if request.method == "POST" else None, instance=found)
    if form.is_valid():
        attempt(request, lambda: _save_edit(found, form), _("Your changes were saved."))
        return redirect(found)
    return render(
        request,
        "inspections/pages/inspection_form.html",
        {"form": form, "building": found.building, "inspection": found},
    )


@require_POST
def inspection_submit(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible_inspection(request, pk)
    if not rights(request.user, found).submit:
        raise PermissionDenied
    attempt(request, found.submit, _("“%(title)s” is with the reviewer now.") % {"title": found})
    return redirect(found)


@require_POST
def inspection_complete(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible_inspection(request, pk)
    if not rights(request.user, found).complete:
        raise PermissionDenied
    attempt(request, found.complete, _("“%(title)s” is complete.") % {"title": found})
    return redirect(found)


@require_http_methods(["GET", "POST"])
def inspection_return(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible_inspection(request, pk)
    if not rights(request.user, found).return_to_draft:
        raise PermissionDenied
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        attempt(
            request,
            lambda: found.return_to_draft(form.cleaned_data["reason"]),
            _("“%(title)s” is a draft again.") % {"title": found},
        )
        return redirect(found)
    return render(request, "inspections/pages/inspection_return.html", {"form": form, "inspection": found})


@require_http_methods(["GET", "POST"])
def inspection_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible_inspection(request, pk)
    if not rights(request.user, found).reopen:
        raise PermissionDenied
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        attempt(
            request,
            lambda: found.reopen(form.cleaned_data["reason"]),
            _("“%(title)s” was reopened.") % {"title": found},
        )
        return redirect(found)
    return render(request, "inspections/pages/inspection_reopen.html", {"form": form, "inspection": found})


@require_http_methods(["GET", "POST"])
def inspection_remove(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible_inspection(request, pk)
    if not rights(request.user, found).remove:
        raise PermissionDenied
    if request.method == "GET":
        return render(request, "inspections/pages/inspection_remove.html", {"inspection": found})
    done = attempt(request, found.remove, _("“%(title)s” was removed.") % {"title": found})
    return redirect(found.building if done else found)


def _save_edit(found: Inspection, form: InspectionForm) -> None:
    with found.editing():
        form.save()
