"""The site's pages. A wrong status or a refusal becomes a message; a missing right becomes 403 or 404."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from example_site.inspections.actions import InspectionAction
from example_site.inspections.exceptions import InspectionError
from example_site.inspections.forms import InspectionForm, PhotoForm
from example_site.inspections.history import history_of
from example_site.inspections.images import CONTENT_TYPES
from example_site.inspections.models import Building, Inspection, Photo
from example_site.inspections.rules import may_schedule, rights
from notifyaudit import track


@require_GET
def building_list(request: HttpRequest) -> HttpResponse:
    ready, completed = Inspection.Status.READY, Inspection.Status.COMPLETED
    buildings = (
        Building.objects.visible_to(request.user)
        .select_related("owner")
        .annotate(
            inspection_count=Count("inspections"),
            ready_count=Count("inspections", filter=Q(inspections__status=ready)),
            completed_count=Count("inspections", filter=Q(inspections__status=completed)),
        )
    )
    return render(
        request,
        "inspections/pages/building_list.html",
        {
            "buildings": buildings,
            "waiting": Inspection.objects.waiting_for(request.user).select_related("building"),
        },
    )


@require_GET
def building(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Building.objects.visible_to(request.user).select_related("owner"), pk=pk)
    return render(
        request,
        "inspections/pages/building.html",
        {
            "building": found,
            "inspections": found.inspections.select_related("inspector", "reviewer"),
            "may_schedule": may_schedule(request.user),
        },
    )


@require_GET
def inspection(request: HttpRequest, pk: int) -> HttpResponse:
    return _inspection_page(request, _visible(request, pk), PhotoForm())


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
        created = form.save()
        messages.success(request, _("“%(title)s” was created.") % {"title": created})
        return redirect(created)
    return render(request, "inspections/pages/inspection_form.html", {"form": form, "building": found})


@require_http_methods(["GET", "POST"])
def inspection_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    if not rights(request.user, found).edit:
        raise PermissionDenied
    if not found.is_open:
        messages.error(request, _("A completed inspection can no longer be changed."))
        return redirect(found)
    form = InspectionForm(request.POST if request.method == "POST" else None, instance=found)
    if form.is_valid():
        _attempt(request, lambda: _save_edit(found, form), _("Your changes were saved."))
        return redirect(found)
    return render(
        request,
        "inspections/pages/inspection_form.html",
        {"form": form, "building": found.building, "inspection": found},
    )


@require_POST
def inspection_submit(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    if not rights(request.user, found).submit:
        raise PermissionDenied
    _attempt(request, found.submit, _("“%(title)s” is with the reviewer now.") % {"title": found})
    return redirect(found)


@require_POST
def inspection_complete(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    if not rights(request.user, found).complete:
        raise PermissionDenied
    _attempt(request, found.complete, _("“%(title)s” is complete.") % {"title": found})
    return redirect(found)


@require_http_methods(["GET", "POST"])
def inspection_remove(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    if not rights(request.user, found).remove:
        raise PermissionDenied
    if request.method == "GET":
        return render(request, "inspections/pages/inspection_remove.html", {"inspection": found})
    done = _attempt(request, found.remove, _("“%(title)s” was removed.") % {"title": found})
    return redirect(found.building if done else found)


@require_POST
def photo_add(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    if not rights(request.user, found).add_photo:
        raise PermissionDenied
    form = PhotoForm(request.POST, request.FILES, instance=Photo(inspection=found))
    if not form.is_valid():
        return _inspection_page(request, found, form, status=422)
    _attempt(
        request,
        lambda: found.add_photo(form.cleaned_data["image"], form.cleaned_data["caption"]),
        _("The photo was added."),
    )
    return redirect(found)


@require_GET
def photo(request: HttpRequest, pk: int) -> FileResponse:
    found = get_object_or_404(
        Photo.objects.filter(inspection__in=Inspection.objects.visible_to(request.user)), pk=pk
    )
    kind = found.image.name.rpartition(".")[2]
    return FileResponse(found.image.open(), content_type=CONTENT_TYPES.get(kind, "application/octet-stream"))


@require_POST
def photo_remove(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(
        Photo.objects.select_related("inspection").filter(
            inspection__in=Inspection.objects.visible_to(request.user)
        ),
        pk=pk,
    )
    if not rights(request.user, found.inspection).add_photo:
        raise PermissionDenied
    _attempt(request, found.remove, _("The photo was removed."))
    return redirect(found.inspection)


def _visible(request: HttpRequest, pk: int) -> Inspection:
    return get_object_or_404(
        Inspection.objects.visible_to(request.user).select_related("building", "inspector", "reviewer"),
        pk=pk,
    )


def _save_edit(found: Inspection, form: InspectionForm) -> None:
    with transaction.atomic():
        # Somebody may have completed it while this person was typing.
        found.lock_open()
        with track(found, InspectionAction.EDITED):
            form.save()


def _attempt(request: HttpRequest, change: Callable[[], object], done: str) -> bool:
    try:
        change()
    except InspectionError as refused:
        messages.error(request, str(refused))
        return False
    messages.success(request, done)
    return True


def _inspection_page(
    request: HttpRequest, found: Inspection, photo_form: PhotoForm, *, status: int = 200
) -> HttpResponse:
    return render(
        request,
        "inspections/pages/inspection.html",
        {
            "inspection": found,
            "photos": found.photos.all(),
            "photo_form": photo_form,
            "may": rights(request.user, found),
            "history": history_of(found),
        },
        status=status,
    )
