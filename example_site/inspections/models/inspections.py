"""Inspections: what they say, and how they get from draft to completed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from django.core.files.base import File
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from example_site.inspections.acting import acted
from example_site.inspections.actions import InspectionAction, PhotoAction, SectionAction
from example_site.inspections.exceptions import CertificateRefused, IllegalTransition
from example_site.inspections.files import atomic_with_files, delete_after_commit
from example_site.inspections.models.buildings import Building, User
from example_site.inspections.models.photos import Photo
from example_site.inspections.models.sections import Section
from notifyaudit import audited, record, track


class InspectionQuerySet(models.QuerySet["Inspection"]):
    def visible_to(self, user: User) -> Self:
        """The inspections of the buildings that this user sees."""
        return self.filter(building__in=Building.objects.visible_to(user))

    def waiting_for(self, user: User) -> Self:
        """Drafts that this user inspects, and finished drafts that they review."""
        return self.filter(
            models.Q(inspector=user, status=Inspection.Status.DRAFT)
            | models.Q(reviewer=user, status=Inspection.Status.READY)
        )


@audited
class Inspection(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        READY = "ready", _("Ready for review")
        COMPLETED = "completed", _("Completed")

    # Watching a building covers its inspections.
    notifyaudit_parent = "building"

    building = models.ForeignKey(
        Building, models.PROTECT, related_name="inspections", verbose_name=_("building")
    )
    title = models.CharField(_("title"), max_length=150)
    scheduled_for = models.DateField(_("scheduled for"))
    inspector = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("inspector"))
    reviewer = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("reviewer"))
    status = models.CharField(
        _("status"), max_length=20, choices=Status, default=Status.DRAFT, editable=False
    )
    summary = models.TextField(_("summary"), blank=True)
    certificate_number = models.CharField(_("certificate number"), max_length=60, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = InspectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("inspection")
        verbose_name_plural = _("inspections")
        ordering = ["-scheduled_for", "-pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("inspection", args=[self.pk])

    @property
    def is_open(self) -> bool:
        """Whether it may be changed. A completed one carries a certificate: it is final unless reopened."""
        return self.status != self.Status.COMPLETED

    def followers(self) -> list[User | str]:
        """Everybody who is told of a result: people, and the facility's plain address if there is one."""
        facility = [self.building.facility_email] if self.building.facility_email else []
        return [self.building.owner, self.inspector, self.reviewer, *facility]

    def schedule(self, by: User | None = None) -> None:
        """Save a new inspection, so that everybody concerned knows of it."""
        with transaction.atomic():
            self.save()
            record(InspectionAction.SCHEDULED, target=self, **acted(by))

    def submit(self, by: User | None = None) -> None:
        """
        Hand a draft to the reviewer.

        Raises:
            IllegalTransition: if it is not a draft.
        """
        with self._moving(self.Status.DRAFT, self.Status.READY) as changes:
            record(InspectionAction.SUBMITTED, target=self, changes=changes, **acted(by))

    def return_to_draft(self, reason: str, by: User | None = None) -> None:
        """
        Give it back to the inspector, who is told why.

        Raises:
            IllegalTransition: if it is not ready for review.
        """
        with self._moving(self.Status.READY, self.Status.DRAFT) as changes:
            record(
                InspectionAction.RETURNED, target=self, changes=changes, data={"reason": reason}, **acted(by)
            )

    def complete(self, by: User | None = None) -> None:
        """
        Accept a reviewed inspection and issue its certificate.

        Raises:
            IllegalTransition: if it is not ready for review.
            CertificateRefused: if the building has no licence; nothing has happened then.
        """
        with self._moving(self.Status.READY, self.Status.COMPLETED) as changes:
            record(InspectionAction.COMPLETED, target=self, changes=changes, **acted(by))
            number = self.issue_certificate()
        self.certificate_number = number

    def reopen(self, reason: str, by: User | None = None) -> None:
        """
        Make a draft of a completed inspection. Its certificate is void: what it vouches for may change.

        Raises:
            IllegalTransition: if it is not completed.
        """
        with self._moving(self.Status.COMPLETED, self.Status.DRAFT) as changes:
            row = type(self).objects.filter(pk=self.pk)
            changes["certificate_number"] = (row.values_list("certificate_number", flat=True).get(), "")
            row.update(certificate_number="")
            record(
                InspectionAction.REOPENED, target=self, changes=changes, data={"reason": reason}, **acted(by)
            )
        self.certificate_number = ""

    def issue_certificate(self) -> str:
        """
        Store the certificate's number: the building's licence, then the inspection's own number.

        Raises:
            CertificateRefused: if the building has no licence number.
        """
        licence = self.building.licence_number
        if not licence:
            raise CertificateRefused(
                _(
                    "%(building)s has no licence number, so no certificate can be issued. "
                    "Nothing was changed, and nobody was told."
                )
                % {"building": self.building}
            )
        number = f"{licence}/{self.pk:04}"
        type(self).objects.filter(pk=self.pk).update(certificate_number=number)
        return number

    @contextmanager
    def editing(self, by: User | None = None) -> Iterator[None]:
        """
        Record what the block changes about the inspection.

        Raises:
            IllegalTransition: if it is completed.
        """
        with transaction.atomic():
            # Somebody may have completed it while this person was typing.
            self.lock_open()
            with track(self, InspectionAction.EDITED, **acted(by)):
                yield

    def remove(self, by: User | None = None) -> None:
        """
        Delete the inspection with its sections, photos and reports.

        Raises:
            IllegalTransition: if it is completed.
        """
        with transaction.atomic():
            self.lock_open()
            photos, reports = list(self.photos.all()), list(self.reports.all())
            parts = [*self.sections.all(), *photos, *reports]
            record(InspectionAction.REMOVED, target=self, snapshot=True, related=parts, **acted(by))
            for photo in photos:
                delete_after_commit(photo.image)
            for report in reports:
                delete_after_commit(report.file)
            self.delete()

    def next_position(self) -> int:
        """The position behind all sections."""
        last = self.sections.aggregate(last=models.Max("position"))["last"]
        return (last or 0) + 1

    def add_section(
        self,
        title: str,
        rating: str = Section.Rating.GOOD,
        finding: str = "",
        position: int | None = None,
        by: User | None = None,
    ) -> Section:
        """
        Write down one more finding, behind the others unless a position is given.

        Raises:
            IllegalTransition: if the inspection is completed.
        """
        with transaction.atomic():
            self.lock_open()
            section = self.sections.create(
                title=title,
                rating=rating,
                finding=finding,
                position=self.next_position() if position is None else position,
            )
            record(
                SectionAction.ADDED,
                target=section,
                changes={"rating": (None, section.rating), "finding": (None, section.finding)},
                data={"inspection": self.pk},
                **acted(by),
            )
        return section

    def add_photo(self, image: File, caption: str = "", by: User | None = None) -> Photo:
        """
        Attach a photo that has been validated.

        Raises:
            IllegalTransition: if the inspection is completed.
        """
        photo = Photo(inspection=self, image=image, caption=caption)
        with atomic_with_files() as store:
            self.lock_open()
            store(photo.image)
            photo.save()
            record(PhotoAction.ADDED, target=photo, data={"inspection": self.pk}, **acted(by))
        return photo

    def lock_open(self) -> None:
        """
        Hold the row until the transaction ends, so that nobody completes it meanwhile.

        Raises:
            IllegalTransition: if the inspection is completed.
        """
        self.refresh_from_db(fields=["status"], from_queryset=type(self).objects.select_for_update())
        if not self.is_open:
            raise IllegalTransition(_("A completed inspection can no longer be changed."))

    @contextmanager
    def _moving(self, old: Status, new: Status) -> Iterator[dict[str, tuple[str, str]]]:
        # One conditional UPDATE: of two people who press the button at once, one gets the error.
        with transaction.atomic():
            moved = (
                type(self)
                .objects.filter(pk=self.pk, status=old)
                .update(status=new, updated_at=timezone.now())
            )
            if not moved:
                raise IllegalTransition(
                    _("This needs an inspection with the status “%(status)s”.") % {"status": old.label}
                )
            yield {"status": (old, new)}
        self.status = new
