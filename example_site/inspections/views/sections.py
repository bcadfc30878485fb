"""Pages: a section of an inspection is added, edited and removed."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from example_site.inspections.forms import SectionForm
from example_site.inspections.models import Inspection, Section
from example_site.inspections.rules import rights
from example_site.inspections.views.attempts import attempt, refuse_completed
from example_site.inspections.views.pages import visible_inspection


@require_http_methods(["GET", "POST"])
def section_add(request: HttpRequest, pk: int) -> HttpResponse:
    found = visible_inspection(request, pk)
    _require_edit(request, found)
    if refuse_completed(request, found):
        return redirect(found)
    form = SectionForm(
        request.POST if request.method == "POST" else None,
        initial={"position": found.next_position()},
    )
    if form.is_valid():
        attempt(request, lambda: found.add_section(**form.cleaned_data), _("The section was added."))
        return redirect(found)
    return _form_page(request, form, found)


@require_http_methods(["GET", "POST"])
def section_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible_section(request, pk)
    _require_edit(request, found.inspection)
    if refuse_completed(request, found.inspection):
        return redirect(found.inspection)
    form = SectionForm(request.POST if request.method == "POST" else None, instance=found)
    if form.is_valid():
        attempt(request, lambda: _save_edit(found, form), _("Your changes were saved."))
        return redirect(found)
    return _form_page(request, form, found.inspection, found)


@require_http_methods(["GET", "POST"])
def section_remove(request: HttpRequest, pk: int) -> HttpResponse:
    found = _visible_section(request, pk)
    _require_edit(request, found.inspection)
    if request.method == "GET":
        return render(request, "inspections/pages/section_remove.html", {"section": found})
    attempt(request, found.remove, _("“%(title)s” was removed.") % {"title": found})
    return redirect(found.inspection)


def _visible_section(request: HttpRequest, pk: int) -> Section:
    return get_object_or_404(
        Section.objects.visible_to(request.user).select_related("inspection__building"), pk=pk
    )


def _require_edit(request: HttpRequest, inspection: Inspection) -> None:
    if not rights(request.user, inspection).edit:
        raise PermissionDenied


def _save_edit(found: Section, form: SectionForm) -> None:
    with found.editing():
        form.save()


def _form_page(
    request: HttpRequest, form: SectionForm, inspection: Inspection, section: Section | None = None
) -> HttpResponse:
    return render(
        request,
        "inspections/pages/section_form.html",
        {"form": form, "inspection": inspection, "section": section},
    )
