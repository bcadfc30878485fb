"""Buildings, their inspections, and the people who work on them."""

from typing import Any, Self
from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.core.files.base import File
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from example_site.inspections.actions import InspectionAction, PhotoAction
from example_site.inspections.exceptions import CertificateRefused, IllegalTransition
from example_site.inspections.images import image_kind, validate_photo
from notifyaudit import record


class User(AbstractUser):
    class Role(models.TextChoices):
        INSPECTOR = "inspector", _("Inspector")
        REVIEWER = "reviewer", _("Reviewer")
        OWNER = "owner", _("Owner")

    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.OWNER)

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class BuildingQuerySet(models.QuerySet["Building"]):
    def visible_to(self, user: User) -> Self:
        """An owner sees their own buildings; who works for the inspectorate sees every one."""
        if user.is_superuser or user.role != User.Role.OWNER:
            return self
        return self.filter(owner=user)


class Building(models.Model):
    name = models.CharField(_("name"), max_length=100)
    address = models.CharField(_("address"), max_length=200)
    owner = models.ForeignKey(User, models.PROTECT, related_name="buildings", verbose_name=_("owner"))
    facility_email = models.EmailField(
        _("facility email"), blank=True, help_text=_("Told of every result; needs no account.")
    )
    licence_number = models.CharField(_("licence number"), max_length=40, blank=True)

    objects = BuildingQuerySet.as_manager()

    class Meta:
        verbose_name = _("building")
        verbose_name_plural = _("buildings")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("building", args=[self.pk])


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
        """Whether it may still be changed. A completed inspection carries a certificate: it is final."""
        return self.status != self.Status.COMPLETED

    def followers(self) -> list[User | str]:
        """Everybody who is told of a result: people, and the facility's plain address if there is one."""
        facility = [self.building.facility_email] if self.building.facility_email else []
        return [self.building.owner, self.inspector, self.reviewer, *facility]

    def submit(self, by: User | None = None) -> None:
        """
        Hand a draft to the reviewer.

        Raises:
            IllegalTransition: if it is not a draft.
        """
        with transaction.atomic():
            self._move(self.Status.DRAFT, self.Status.READY)
            record(
                InspectionAction.SUBMITTED,
                target=self,
                changes={"status": (self.Status.DRAFT, self.Status.READY)},
                **_actor(by),
            )
        self.status = self.Status.READY

    def complete(self, by: User | None = None) -> None:
        """
        Accept a reviewed inspection and issue its certificate.

        Raises:
            IllegalTransition: if it is not ready for review.
            CertificateRefused: if the building has no licence; nothing has happened then.
        """
        with transaction.atomic():
            self._move(self.Status.READY, self.Status.COMPLETED)
            record(
                InspectionAction.COMPLETED,
                target=self,
                changes={"status": (self.Status.READY, self.Status.COMPLETED)},
                **_actor(by),
            )
            number = self.issue_certificate()
        self.status = self.Status.COMPLETED
        self.certificate_number = number

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

    def remove(self, by: User | None = None) -> None:
        """
        Delete the inspection with its photos.

        Raises:
            IllegalTransition: if it is completed.
        """
        with transaction.atomic():
            self.lock_open()
            record(InspectionAction.REMOVED, target=self, snapshot=True, **_actor(by))
            for photo in self.photos.all():
                photo.delete_file_after_commit()
            self.delete()

    def add_photo(self, image: File, caption: str = "", by: User | None = None) -> "Photo":
        """
        Attach a photo that has been validated.

        Raises:
            IllegalTransition: if the inspection is completed.
        """
        with transaction.atomic():
            self.lock_open()
            photo = Photo.objects.create(inspection=self, image=image, caption=caption)
            record(PhotoAction.ADDED, target=photo, data={"inspection": self.pk}, **_actor(by))
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

    def _move(self, old: Status, new: Status) -> None:
        # One conditional UPDATE: of two people who press the button at once, one gets the error.
        moved = (
            type(self).objects.filter(pk=self.pk, status=old).update(status=new, updated_at=timezone.now())
        )
        if not moved:
            raise IllegalTransition(
                _("This needs an inspection with the status “%(status)s”.") % {"status": old.label}
            )


def photo_path(photo: "Photo", _filename: str) -> str:
    """Where a photo is stored: nothing of the uploaded name, and an ending that its content justifies."""
    return f"photos/{uuid4()}.{image_kind(photo.image.file) or 'bin'}"


class Photo(models.Model):
    notifyaudit_parent = "inspection"

    inspection = models.ForeignKey(
        Inspection, models.CASCADE, related_name="photos", verbose_name=_("inspection")
    )
    image = models.FileField(_("photo"), upload_to=photo_path, validators=[validate_photo])
    caption = models.CharField(_("caption"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("photo")
        verbose_name_plural = _("photos")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.caption or str(_("Photo %(number)s") % {"number": self.pk})

    def get_absolute_url(self) -> str:
        return reverse("photo", args=[self.pk])

    def remove(self, by: User | None = None) -> None:
        """
        Delete the photo and its file.

        Raises:
            IllegalTransition: if the inspection is completed.
        """
        with transaction.atomic():
            self.inspection.lock_open()
            record(
                PhotoAction.REMOVED,
                target=self,
                snapshot=True,
                data={"inspection": self.inspection_id},
                **_actor(by),
            )
            self.delete_file_after_commit()
            self.delete()

    def delete_file_after_commit(self) -> None:
        """A rolled-back removal must find its file again."""
        storage, name = self.image.storage, self.image.name
        transaction.on_commit(lambda: storage.delete(name), robust=True)


def _actor(by: User | None) -> dict[str, Any]:
    # record() takes the actor of the running request unless one is named; None would mean "nobody".
    return {} if by is None else {"actor": by}
