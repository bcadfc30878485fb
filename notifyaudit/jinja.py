"""For Jinja2 environments: ``env.globals["watch_button"] = notifyaudit.jinja.watch_button``."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from notifyaudit.choosing import watching


@pass_context
def watch_button(context: Context, target: Any) -> Markup:
    """
    The button by which the user of this request watches an object.

    Raises:
        ImproperlyConfigured: if the template has no request.
        TypeError, UnsavedTarget, WrongDatabase: see :func:`notifyaudit.choosing.watching.button`.
    """
    request = context.get("request")
    if request is None:
        raise ImproperlyConfigured(
            "watch_button() needs the request: render the template with it, as render() does."
        )
    return Markup(watching.button(request, target))  # noqa: S704 - a template's output
