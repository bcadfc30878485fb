"""The inspection's page, which several views show."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from example_site.inspections.forms import PhotoForm
from example_site.inspections.history import history_of
from example_site.inspections.models import Inspection
from example_site.inspections.rules import rights


def visible_inspection(request: HttpRequest, pk: int) -> Inspection:
    """The inspection with its people, or 404 for who may not see it."""
    return get_object_or_404(
        Inspection.objects.visible_to(request.user).select_related("building", "inspector", "reviewer"),
        pk=pk,
    )


def inspection_page(
    request: HttpRequest, found: Inspection, photo_form: PhotoForm, *, status: int = 200
) -> HttpResponse:
    return render(
        request,
        "inspections/pages/inspection.html",
        {
            "inspection": found,
            "sections": found.sections.all(),
            "photos": found.photos.all(),
            "reports": found.reports.select_related("created_by"),
            "photo_form": photo_form,
            "may": rights(request.user, found),
            "history": history_of(found),
        },
        status=status,
    )
