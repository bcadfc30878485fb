"""What can happen to an inspection and its parts."""

from django.utils.translation import gettext_lazy as _

from notifyaudit import Action


class InspectionAction(Action):
    SCHEDULED = "inspection.scheduled", _("Inspection scheduled")
    EDITED = "inspection.edited", _("Inspection edited")
    SUBMITTED = "inspection.submitted", _("Submitted for review")
    RETURNED = "inspection.returned", _("Returned to draft")
    COMPLETED = "inspection.completed", _("Inspection completed")
    REOPENED = "inspection.reopened", _("Inspection reopened")
    REMOVED = "inspection.removed", _("Inspection removed")


class SectionAction(Action):
    ADDED = "section.added", _("Section added")
    EDITED = "section.edited", _("Section edited")
    REMOVED = "section.removed", _("Section removed")


class ReportAction(Action):
    CREATED = "report.created", _("PDF created")
    DOWNLOADED = "report.downloaded", _("PDF downloaded")


class PhotoAction(Action):
    ADDED = "photo.added", _("Photo added")
    REMOVED = "photo.removed", _("Photo removed")
