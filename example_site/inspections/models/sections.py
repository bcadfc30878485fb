"""Sections of an inspection: what was found, and how bad it is."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import models, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from example_site.inspections.acting import acted
from example_site.inspections.actions import SectionAction
from example_site.inspections.models.buildings import User
from example_site.inspections.models.parts import PartQuerySet
from notifyaudit import audited, record, track


@audited
class Section(models.Model):
    class Rating(models.TextChoices):
        GOOD = "good", _("Good")
        ATTENTION = "attention", _("Needs attention")
        CRITICAL = "critical", _("Critical")

    notifyaudit_parent = "inspection"

    inspection = models.ForeignKey(
        "inspections.Inspection", models.CASCADE, related_name="sections", verbose_name=_("inspection")
    )
    title = models.CharField(_("title"), max_length=150)
    rating = models.CharField(_("rating"), max_length=20, choices=Rating, default=Rating.GOOD)
    finding = models.TextField(_("finding"), blank=True)
    position = models.PositiveSmallIntegerField(
        _("position"), default=1, help_text=_("Sections are listed by this number, the lowest first.")
    )

    objects = PartQuerySet.as_manager()

    class Meta:
        verbose_name = _("section")
        verbose_name_plural = _("sections")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"{reverse('inspection', args=[self.inspection_id])}#section-{self.pk}"

    @contextmanager
    def editing(self, by: User | None = None) -> Iterator[None]:
        """
        Record what the block changes about the section.

        Raises:
            IllegalTransition: if the inspection is completed.
        """
        with transaction.atomic():
            self.inspection.lock_open()
            with track(self, SectionAction.EDITED, data={"inspection": self.inspection_id}, **acted(by)):
                yield

    def remove(self, by: User | None = None) -> None:
        """
        Delete the section.

        Raises:
            IllegalTransition: if the inspection is completed.
        """
        with transaction.atomic():
            self.inspection.lock_open()
            record(
                SectionAction.REMOVED,
                target=self,
                snapshot=True,
                data={"inspection": self.inspection_id},
                **acted(by),
            )
            self.delete()
