"""Photos: added and removed on the inspection's page, and shown."""

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from example_site.inspections.forms import PhotoForm
from example_site.inspections.images import CONTENT_TYPES
from example_site.inspections.models import Photo
from example_site.inspections.rules import rights
from example_site.inspections.views.attempts import attempt
from example_site.inspections.views.pages import inspection_page, visible_inspection


@require_POST
def photo_add(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible_inspection(request, pk)
    if not rights(request.user, found).add_photo:
        raise PermissionDenied
    form = PhotoForm(request.POST, request.FILES, instance=Photo(inspection=found))
    if not form.is_valid():
        return inspection_page(request, found, form, status=422)
    attempt(
        request,
        lambda: found.add_photo(form.cleaned_data["image"], form.cleaned_data["caption"]),
        _("The photo was added."),
    )
    return redirect(found)


@require_GET
def photo(request: HttpRequest, pk: int) -> FileResponse:
    found = get_object_or_404(Photo.objects.visible_to(request.user), pk=pk)
    kind = found.image.name.rpartition(".")[2]
    return FileResponse(found.image.open(), content_type=CONTENT_TYPES.get(kind, "application/octet-stream"))


@require_POST
def photo_remove(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(
        Photo.objects.visible_to(request.user).select_related("inspection__building"), pk=pk
    )
    if not rights(request.user, found.inspection).add_photo:
        raise PermissionDenied
    attempt(request, found.remove, _("The photo was removed."))
    return redirect(found.inspection)
