"""The example site's pages, and one that changes any of the models."""

from django.apps import apps
from django.http import HttpResponse
from django.urls import path

from example_site.urls import urlpatterns as site


def complete(request, model, pk):
    """As a careless view: it reads, changes and saves, and opens no transaction."""
    inspection = apps.get_model("upstream", model).objects.get(pk=pk)
    inspection.status = "completed"
    inspection.save()
    return HttpResponse()


urlpatterns = [*site, path("complete/<str:model>/<int:pk>/", complete)]
