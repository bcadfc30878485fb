"""The Jinja2 environment of the mail templates."""

from typing import Any

from django.template.defaultfilters import date, linebreaks_filter
from jinja2 import Environment


def environment(**options: Any) -> Environment:
    """A Jinja2 environment with the few Django filters that the mails use."""
    env = Environment(**options)  # Django passes autoescape=True unless the settings say otherwise
    env.filters["date"] = date
    env.filters["linebreaks"] = linebreaks_filter
    return env
