"""The addresses of the inspections app."""

from django.urls import path

from example_site.inspections import views

urlpatterns = [
    path("", views.building_list, name="building_list"),
    path("buildings/<int:pk>/", views.building, name="building"),
    path("inspections/new/", views.inspection_new, name="inspection_new"),
    path("inspections/<int:pk>/", views.inspection, name="inspection"),
    path("inspections/<int:pk>/edit/", views.inspection_edit, name="inspection_edit"),
    path("inspections/<int:pk>/submit/", views.inspection_submit, name="inspection_submit"),
    path("inspections/<int:pk>/complete/", views.inspection_complete, name="inspection_complete"),
    path("inspections/<int:pk>/remove/", views.inspection_remove, name="inspection_remove"),
    path("inspections/<int:pk>/photos/", views.photo_add, name="photo_add"),
    path("photos/<int:pk>/", views.photo, name="photo"),
    path("photos/<int:pk>/remove/", views.photo_remove, name="photo_remove"),
]
