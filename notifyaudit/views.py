"""The pages that links in mails lead to."""

from django.http import HttpRequest, HttpResponse


def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask what is to be stopped, and stop it."""
    raise NotImplementedError


def undo(request: HttpRequest, token: str) -> HttpResponse:
    """Take it back."""
    raise NotImplementedError
