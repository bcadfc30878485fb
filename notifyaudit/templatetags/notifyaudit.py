"""``{% load notifyaudit %}``: the watch button, and who may look at the previews."""

from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.template import RequestContext
from django.utils.safestring import SafeString

from notifyaudit.choosing import watching
from notifyaudit.previewing.access import may_preview

register = template.Library()


@register.simple_tag(takes_context=True)
def watch_button(context: RequestContext, target: Any) -> SafeString:
    """
    The button by which the user of this request watches an object.

    Raises:
        ImproperlyConfigured: if the template has no request.
        TypeError, UnsavedTarget, WrongDatabase: see :func:`notifyaudit.choosing.watching.button`.
    """
    request = getattr(context, "request", None) or context.get("request")
    if request is None:
        raise ImproperlyConfigured(
            "{% watch_button %} needs the request: render the template with it, as render() does."
        )
    return watching.button(request, target)


@register.simple_tag(takes_context=True)
def may_preview_emails(context: RequestContext) -> bool:
    """Whether the user of this request may look at the previews: ``{% may_preview_emails as may %}``."""
    return may_preview(getattr(context.get("request"), "user", None))
