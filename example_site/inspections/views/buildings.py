"""Pages: the overview, and a building."""

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from example_site.inspections.models import Building, Inspection
from example_site.inspections.rules import may_schedule


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
