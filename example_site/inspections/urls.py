"""The addresses of the inspections app."""

from django.urls import path

from example_site.inspections.views import buildings, inspections, photos, reports, sections

urlpatterns = [
    path("", buildings.building_list, name="building_list"),
    path("buildings/<int:pk>/", buildings.building, name="building"),
    path("inspections/new/", inspections.inspection_new, name="inspection_new"),
    path("inspections/<int:pk>/", inspections.inspection, name="inspection"),
    path("inspections/<int:pk>/edit/", inspections.inspection_edit, name="inspection_edit"),
    path("inspections/<int:pk>/submit/", inspections.inspection_submit, name="inspection_submit"),
    path("inspections/<int:pk>/return/", inspections.inspection_return, name="inspection_return"),
    path("inspections/<int:pk>/complete/", inspections.inspection_complete, name="inspection_complete"),
    path("inspections/<int:pk>/reopen/", inspections.inspection_reopen, name="inspection_reopen"),
    path("inspections/<int:pk>/remove/", inspections.inspection_remove, name="inspection_remove"),
    path("inspections/<int:pk>/photos/", photos.photo_add, name="photo_add"),
    path("inspections/<int:pk>/sections/new/", sections.section_add, name="section_add"),
    path("sections/<int:pk>/edit/", sections.section_edit, name="section_edit"),
    path("sections/<int:pk>/remove/", sections.section_remove, name="section_remove"),
    path("inspections/<int:pk>/create-pdf/", reports.report_create, name="report_create"),
    path("reports/<int:pk>/download-pdf/", reports.report_download, name="report_download"),
    path("photos/<int:pk>/", photos.photo, name="photo"),
    path("photos/<int:pk>/remove/", photos.photo_remove, name="photo_remove"),
]
