"""Reports: an inspection as it was at one moment, as a PDF that does not change any more."""

from typing import IO
from uuid import uuid4

from django.db import models, transaction
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.text import slugify
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from example_site.inspections.acting import acted
from example_site.inspections.actions import ReportAction
from example_site.inspections.models.buildings import User
from example_site.inspections.models.parts import PartQuerySet
from notifyaudit import audited, record


def report_path(_report: "Report", _filename: str) -> str:
    """Where a report is stored: a name that nobody guesses and that says nothing."""
    return f"reports/{uuid4()}.pdf"


@audited
class Report(models.Model):
    notifyaudit_parent = "inspection"

    inspection = models.ForeignKey(
        "inspections.Inspection", models.CASCADE, related_name="reports", verbose_name=_("inspection")
    )
    file = models.FileField(_("file"), upload_to=report_path)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("created by"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return str(
            _("Report of %(moment)s") % {"moment": date_format(localtime(self.created_at), "j M Y, H:i")}
        )

    def get_absolute_url(self) -> str:
        return reverse("report_download", args=[self.pk])

    @property
    def filename(self) -> str:
        """What the file is called where somebody saves it."""
        moment = localtime(self.created_at).strftime("%Y-%m-%d")
        return f"{slugify(self.inspection.title) or 'inspection'}-{moment}.pdf"

    def download(self, by: User | None = None) -> IO[bytes]:
        """The opened file. Nobody gets it without a record of that."""
        with transaction.atomic():
            record(ReportAction.DOWNLOADED, target=self, data={"inspection": self.inspection_id}, **acted(by))
            return self.file.open("rb")
