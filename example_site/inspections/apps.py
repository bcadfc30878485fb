"""The site's one domain app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InspectionsConfig(AppConfig):
    name = "example_site.inspections"
    label = "inspections"
    verbose_name = _("Building inspections")
