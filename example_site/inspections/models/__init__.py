"""Buildings, their inspections with what belongs to them, and the people who work on them."""

from example_site.inspections.models.buildings import Building, User
from example_site.inspections.models.inspections import Inspection
from example_site.inspections.models.photos import Photo
from example_site.inspections.models.reports import Report
from example_site.inspections.models.sections import Section

__all__ = ["Building", "Inspection", "Photo", "Report", "Section", "User"]
