"""Which mails the site sends, and to whom. The person who acted is never told of their own doing."""

from collections.abc import Iterable
from datetime import date

from django.utils.translation import gettext_lazy as _

from example_site.inspections import samples
from example_site.inspections.actions import InspectionAction
from example_site.inspections.models import Inspection, User
from example_site.inspections.part_emails import (
    PartEmail,
    PhotoAddedEmail,
    ReportCreatedEmail,
    SectionChangedEmail,
    SectionCriticalEmail,
)
from notifyaudit import AuditEmail
from notifyaudit.models import AuditEvent

__all__ = [
    "InspectionCompletedEmail",
    "InspectionEditedEmail",
    "InspectionRemovedEmail",
    "InspectionReopenedEmail",
    "InspectionReturnedEmail",
    "InspectionScheduledEmail",
    "InspectionSubmittedEmail",
    "PartEmail",
    "PhotoAddedEmail",
    "ReportCreatedEmail",
    "SectionChangedEmail",
    "SectionCriticalEmail",
]


class InspectionEditedEmail(AuditEmail):
    """For the two people who work on the inspection: what changed."""

    actions = [InspectionAction.EDITED]
    label = _("Edited inspections")
    description = _("What changed in the inspections that you work on.")
    subject = _("{{ target }} was edited")
    template_name = "inspections/edited.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User]:
        inspection = event.target
        # An inspection may be gone before its mail is due, and only a removal keeps a snapshot.
        return [inspection.inspector, inspection.reviewer] if inspection else []

    @classmethod
    def preview(cls) -> AuditEmail:
        return cls.sample(
            target=samples.inspection(),
            actor=samples.inspector(),
            recipient=samples.reviewer(),
            changes={
                "scheduled_for": (date(2026, 12, 1), date(2026, 12, 4)),
                "summary": ("", "Two extinguishers are missing."),
            },
        )


class InspectionScheduledEmail(AuditEmail):
    """For the people concerned: when somebody comes, and who."""

    actions = [InspectionAction.SCHEDULED]
    label = _("Scheduled inspections")
    description = _("When somebody comes, and who.")
    subject = _("{{ target }} is scheduled for {{ target.scheduled_for|date }}")
    template_name = "inspections/scheduled.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User]:
        inspection = event.target
        return [inspection.building.owner, inspection.inspector, inspection.reviewer] if inspection else []

    def should_send(self) -> bool:
        return self.event.target is not None

    @classmethod
    def preview(cls) -> AuditEmail:
        return cls.sample(target=samples.inspection(), actor=samples.inspector(), recipient=samples.owner())


class InspectionSubmittedEmail(AuditEmail):
    """For the reviewer: something waits for them."""

    actions = [InspectionAction.SUBMITTED]
    label = _("Inspections to review")
    description = _("An inspection waits for your review.")
    subject = _("{{ target }} is ready for your review")
    template_name = "inspections/submitted.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User]:
        return [event.target.reviewer] if event.target else []

    @classmethod
    def preview(cls) -> AuditEmail:
        return cls.sample(
            target=samples.inspection(), actor=samples.inspector(), recipient=samples.reviewer()
        )


class InspectionReturnedEmail(AuditEmail):
    """For the inspector: there is more to do, and what."""

    actions = [InspectionAction.RETURNED]
    label = _("Inspections returned to draft")
    description = _("There is more to do, and what.")
    subject = _("{{ event.target_repr }} was returned to you")
    template_name = "inspections/returned.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User]:
        return [event.target.inspector] if event.target else []

    @classmethod
    def preview(cls) -> AuditEmail:
        return cls.sample(
            target=samples.inspection(Inspection.Status.DRAFT),
            actor=samples.reviewer(),
            recipient=samples.inspector(),
            data={"reason": "The roof is missing."},
        )


class InspectionCompletedEmail(AuditEmail):
    """For everybody concerned, the facility's plain address among them: the result."""

    actions = [InspectionAction.COMPLETED]
    label = _("Completed inspections")
    description = _("The result of an inspection.")
    subject = _("{{ target }} was completed")
    template_name = "inspections/completed.html"
    template_txt_name = "inspections/completed.txt"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User | str]:
        return event.target.followers() if event.target else []

    @classmethod
    def preview(cls) -> AuditEmail:
        return cls.sample(
            target=samples.inspection(Inspection.Status.COMPLETED),
            actor=samples.reviewer(),
            recipient=samples.owner(),
            changes={"status": ("ready", "completed")},
        )


class InspectionReopenedEmail(AuditEmail):
    """For everybody who was told of the result: it holds no longer, nor does the certificate."""

    actions = [InspectionAction.REOPENED]
    label = _("Reopened inspections")
    description = _("A result holds no longer, nor does the certificate.")
    subject = _("{{ event.target_repr }} was reopened")
    template_name = "inspections/reopened.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User | str]:
        return event.target.followers() if event.target else []

    @classmethod
    def preview(cls) -> AuditEmail:
        return cls.sample(
            target=samples.inspection(Inspection.Status.DRAFT),
            actor=samples.owner(),
            recipient=samples.inspector(),
            changes={"status": ("completed", "draft"), "certificate_number": ("T7-2026-12", "")},
            data={"reason": "The roof was rebuilt."},
        )


class InspectionRemovedEmail(AuditEmail):
    """For everybody concerned: it is gone. The target is rebuilt from the event's snapshot."""

    actions = [InspectionAction.REMOVED]
    label = _("Removed inspections")
    description = _("An inspection is gone, with all that belonged to it.")
    subject = _("{{ event.target_repr }} was removed")
    template_name = "inspections/removed.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User | str]:
        return event.target.followers()

    @classmethod
    def preview(cls) -> AuditEmail:
        return cls.sample(target=samples.inspection(), actor=samples.inspector(), recipient=samples.owner())
