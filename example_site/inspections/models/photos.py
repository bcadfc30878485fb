"""Photos of an inspection, served by a view that asks who is looking."""

from uuid import uuid4

from django.db import models, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from example_site.inspections.acting import acted
from example_site.inspections.actions import PhotoAction
from example_site.inspections.files import delete_after_commit
from example_site.inspections.images import image_kind, validate_photo
from example_site.inspections.models.buildings import User
from example_site.inspections.models.parts import PartQuerySet
from notifyaudit import audited, record


def photo_path(photo: "Photo", _filename: str) -> str:
    """Where a photo is stored: nothing of the uploaded name, and an ending that its content justifies."""
    return f"photos/{uuid4()}.{image_kind(photo.image.file) or 'bin'}"


@audited
class Photo(models.Model):
    notifyaudit_parent = "inspection"

    inspection = models.ForeignKey(
        "inspections.Inspection", models.CASCADE, related_name="photos", verbose_name=_("inspection")
    )
    image = models.FileField(_("photo"), upload_to=photo_path, validators=[validate_photo])
    caption = models.CharField(_("caption"), max_length=150, blank=True)

    objects = PartQuerySet.as_manager()

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
                **acted(by),
            )
            delete_after_commit(self.image)
            self.delete()
