"""A change that the domain may refuse, and what the person is told of it."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest

from example_site.inspections.exceptions import InspectionError


def attempt(request: HttpRequest, change: Callable[[], object], done: str) -> bool:
    """Make a change and say so on the next page, or why it was refused. Whether it was made."""
    try:
        change()
    except InspectionError as refused:
        messages.error(request, str(refused))
        return False
    messages.success(request, done)
    return True
