"""The headers that the library gives a mail, and how an application's own take their place."""

from collections.abc import Mapping

from django.utils import translation

from notifyaudit.models import AuditEvent
from notifyaudit.threads import thread_id_of


def standard_headers(event: AuditEvent | None, *, threaded: bool) -> dict[str, str]:
    """
    Those of a mail in the active language.

    Args:
        event: the newest that it is about; ``None``: it is about none.
        threaded: whether it belongs to the thread of the event's object.
    """
    # RFC 3834, section 5: programs that answer mail must not answer this one.
    headers = {"Auto-Submitted": "auto-generated"}
    if language := translation.get_language():
        headers["Content-Language"] = language  # RFC 3282
    if event is None:
        return headers
    if event.correlation_id:
        headers["X-Correlation-ID"] = " ".join(event.correlation_id.split())
    if threaded and event.target_id:
        thread = thread_id_of(event.target_type, event.target_id)
        headers |= {"References": thread, "In-Reply-To": thread}
    return headers


def overridden(headers: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """
    ``headers`` with ``own`` in the place of those of the same name. Names know no case (RFC 5322, section
    1.2.2): a "references" must not stand beside "References".
    """
    names = {name.lower() for name in own}
    kept = {name: value for name, value in headers.items() if name.lower() not in names}
    return {**kept, **own}
