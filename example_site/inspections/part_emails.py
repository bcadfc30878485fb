"""Mails about what belongs to an inspection: its sections, photos and reports."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.utils.translation import gettext_lazy as _

from example_site.inspections import samples
from example_site.inspections.actions import PhotoAction, ReportAction, SectionAction
from example_site.inspections.models import Inspection, Section, User
from notifyaudit import AuditEmail
from notifyaudit.models import AuditEvent


class PartEmail(AuditEmail):
    """A base for mails about a part of an inspection, which may be gone before they are due."""

    @classmethod
    def inspection_of(cls, event: AuditEvent) -> Inspection | None:
        """The inspection that the part belongs to, even when the part was removed."""
        return Inspection.objects.filter(pk=event.data["inspection"]).first()

    @cached_property
    def inspection(self) -> Inspection | None:
        return self.inspection_of(self.event)

    def get_context_data(self) -> dict[str, Any]:
        return {**super().get_context_data(), "inspection": self.inspection}

    def should_send(self) -> bool:
        return self.inspection is not None


class SectionCriticalEmail(PartEmail):
    """For the owner and the reviewer, at once and at any stage: somebody has to act."""

    actions = [SectionAction.ADDED, SectionAction.EDITED]
    label = _("Critical findings")
    description = _("Somebody has to act.")
    subject = _("Critical finding: {{ event.target_repr }}")
    template_name = "inspections/section_critical.html"
    priority = 10

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User]:
        inspection = cls.inspection_of(event)
        if inspection is None or not became_critical(event):
            return []
        return [inspection.building.owner, inspection.reviewer]

    def should_send(self) -> bool:
        return super().should_send() and self.event.target is not None

    @classmethod
    def preview(cls) -> AuditEmail:
        email = cls.sample(
            target=samples.section(),
            actor=samples.inspector(),
            recipient=samples.owner(),
            changes={"rating": ("good", "critical")},
        )
        email.inspection = samples.inspection()
        return email


class SectionChangedEmail(PartEmail):
    """
    For the two people who work on the inspection, while it is under review: what is being read has
    changed. Nobody is told of each line of a draft.
    """

    actions = [SectionAction.ADDED, SectionAction.EDITED, SectionAction.REMOVED]
    label = _("Changed sections during a review")
    description = _("A section that you review is not as it was.")
    subject = _("{{ inspection }}: {{ what }}")
    template_name = "inspections/section_changed.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User]:
        inspection = cls.inspection_of(event)
        if inspection is None or inspection.status != Inspection.Status.READY:
            return []
        # The reviewer hears of a critical finding already.
        return (
            [inspection.inspector] if became_critical(event) else [inspection.inspector, inspection.reviewer]
        )

    def get_context_data(self) -> dict[str, Any]:
        return {**super().get_context_data(), "what": SectionAction(self.event.action).label.lower()}

    @classmethod
    def preview(cls) -> AuditEmail:
        email = cls.sample(
            SectionAction.EDITED,
            target=samples.section(),
            actor=samples.inspector(),
            recipient=samples.reviewer(),
            changes={"rating": ("good", "critical")},
        )
        email.inspection = samples.inspection()
        return email


class ReportCreatedEmail(PartEmail):
    """For the owner and the facility's plain address: the report itself. A download tells nobody."""

    actions = [ReportAction.CREATED]
    label = _("New reports")
    description = _("The report of an inspection, as a file.")
    subject = _("Report: {{ inspection }}")
    template_name = "inspections/report_created.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User | str]:
        inspection = cls.inspection_of(event)
        if inspection is None:
            return []
        building = inspection.building
        return [building.owner, building.facility_email] if building.facility_email else [building.owner]

    def should_send(self) -> bool:
        return super().should_send() and self.event.target is not None

    def get_attachments(self) -> list[dict[str, Any]]:
        report = self.event.target
        with report.file.open("rb") as file:
            attachment = {"filename": report.filename, "file": file.read(), "mimetype": "application/pdf"}
        return [*super().get_attachments(), attachment]

    @classmethod
    def preview(cls) -> AuditEmail:
        email = cls.sample(target=samples.report(), actor=samples.reviewer(), recipient=samples.owner())
        email.inspection = samples.inspection()
        return email


class PhotoAddedEmail(AuditEmail):
    """For the reviewer: there is something new to look at."""

    actions = [PhotoAction.ADDED]
    label = _("New photos")
    description = _("There is something new to look at.")
    subject = _("New photo for {{ target.inspection }}")
    template_name = "inspections/photo_added.html"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[User]:
        return [event.target.inspection.reviewer] if event.target else []

    @classmethod
    def preview(cls) -> AuditEmail:
        return cls.sample(target=samples.photo(), actor=samples.inspector(), recipient=samples.reviewer())


def became_critical(event: AuditEvent) -> bool:
    """Whether an event about a section has made it critical: it was added so, or edited to be."""
    _old, new = event.changes.get("rating", (None, None))
    return new == Section.Rating.CRITICAL
