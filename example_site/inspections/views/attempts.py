"""A change that the domain may refuse, and what the person is told of it."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from example_site.inspections.exceptions import InspectionError
from example_site.inspections.models import Inspection


def attempt(request: HttpRequest, change: Callable[[], object], done: str) -> bool:
    """Make a change and say so on the next page, or why it was refused. Whether it was made."""
    try:
        change()
    except InspectionError as refused:
        messages.error(request, str(refused))
        return False
    messages.success(request, done)
    return True


def refuse_completed(request: HttpRequest, inspection: Inspection) -> bool:
    """Say that a completed inspection is final, before anybody fills in a form in vain."""
    if not inspection.is_open:
        messages.error(request, _("A completed inspection can no longer be changed."))
    return not inspection.is_open
