"""Creating a report of an inspection."""

from django.core.files.base import ContentFile

from example_site.inspections.acting import acted
from example_site.inspections.actions import ReportAction
from example_site.inspections.files import atomic_with_files
from example_site.inspections.history import history_of
from example_site.inspections.models import Inspection, Report, User
from example_site.inspections.pdf import inspection_pdf
from notifyaudit import record


def create_report(inspection: Inspection, by: User) -> Report:
    """Store the inspection, as it is now, as a PDF; at any stage."""
    with atomic_with_files() as store:
        # Held still, so that the report shows one moment.
        inspection = Inspection.objects.select_for_update().get(pk=inspection.pk)
        content = inspection_pdf(inspection, history_of(inspection), author=str(by))
        report = Report(inspection=inspection, created_by=by, file=ContentFile(content, name="report.pdf"))
        store(report.file)
        report.save()
        record(
            ReportAction.CREATED,
            target=report,
            data={"inspection": inspection.pk, "bytes": len(content)},
            **acted(by),
        )
    return report
