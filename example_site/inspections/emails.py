"""Which mails the site sends, and to whom. The person who acted is never told of their own doing."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from example_site.inspections.actions import InspectionAction, PhotoAction
from example_site.inspections.models import User
from notifyaudit import AuditEmail
from notifyaudit.models import AuditEvent


class InspectionEditedEmail(AuditEmail):
    """For the two people who work on the inspection: what changed."""

    actions = [InspectionAction.EDITED]
    label = _("Edited inspections")
    subject = _("{{ target }} was edited")
    template_name = "inspections/edited.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User]:
        inspection = event.target
        # An inspection may be gone before its mail is due, and only a removal keeps a snapshot.
        return [inspection.inspector, inspection.reviewer] if inspection else []


class InspectionSubmittedEmail(AuditEmail):
    """For the reviewer: something waits for them."""

    actions = [InspectionAction.SUBMITTED]
    label = _("Inspections to review")
    subject = _("{{ target }} is ready for your review")
    template_name = "inspections/submitted.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User]:
        return [event.target.reviewer] if event.target else []


class InspectionCompletedEmail(AuditEmail):
    """For everybody concerned, the facility's plain address among them: the result."""

    actions = [InspectionAction.COMPLETED]
    label = _("Completed inspections")
    subject = _("{{ target }} was completed")
    template_name = "inspections/completed.html"
    template_txt_name = "inspections/completed.txt"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User | str]:
        return event.target.followers() if event.target else []


class InspectionRemovedEmail(AuditEmail):
    """For everybody concerned: it is gone. The target is rebuilt from the event's snapshot."""

    actions = [InspectionAction.REMOVED]
    label = _("Removed inspections")
    subject = _("{{ event.target_repr }} was removed")
    template_name = "inspections/removed.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User | str]:
        return event.target.followers()


class PhotoAddedEmail(AuditEmail):
    """For the reviewer: there is something new to look at."""

    actions = [PhotoAction.ADDED]
    label = _("New photos")
    subject = _("New photo for {{ target.inspection }}")
    template_name = "inspections/photo_added.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User]:
        return [event.target.inspection.reviewer] if event.target else []
