"""Reports: created by who works on the inspection, downloaded by everybody who may see it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from example_site.inspections.models import Report
from example_site.inspections.reporting import create_report
from example_site.inspections.rules import rights
from example_site.inspections.views.pages import visible_inspection


@require_POST
def report_create(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible_inspection(request, pk)
    if not rights(request.user, found).create_report:
        raise PermissionDenied
    create_report(found, by=request.user)
    messages.success(request, _("The report was created."))
    return redirect(f"{found.get_absolute_url()}#reports")


@require_GET
@cache_control(private=True, no_store=True)  # the next download has to be asked for, and recorded, again
def report_download(request: HttpRequest, pk: int) -> FileResponse:
    found = get_object_or_404(Report.objects.visible_to(request.user).select_related("inspection"), pk=pk)
    return FileResponse(
        found.download(), as_attachment=True, filename=found.filename, content_type="application/pdf"
    )
