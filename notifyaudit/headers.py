"""The headers that the library gives a mail, and how an application's own take their place."""

import re
from collections.abc import Mapping
from email.utils import quote

from django.utils import translation

from notifyaudit import conf
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


def list_headers(unsubscribe_url: str, *, key: str, label: str) -> dict[str, str]:
    """
    Those by which a mail program shows a button that stops this kind of mail, and sorts it.

    Args:
        unsubscribe_url: where it is stopped.
        key: of the email class.
        label: what the class is called.
    """
    headers = {"List-Unsubscribe": f"<{unsubscribe_url}>"}
    if unsubscribe_url.startswith("https:"):
        # RFC 8058, section 3.1: one click is only for https.
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return {**headers, "List-Id": f"{_phrase(label)} <{_list_id(key)}>".strip()}


def _phrase(text: str) -> str:
    # In quotes it may hold what it likes (RFC 5322, section 3.2.4). What is not ASCII is encoded later, and
    # in quotes an encoded word is none (RFC 2047, section 5).
    return f'"{quote(text)}"' if text and text.isascii() else text.translate(_NO_BRACKETS)


_NO_BRACKETS = str.maketrans("<>", "()")
_LIST_ID_LENGTH = 255


def _list_id(key: str) -> str:
    domain = conf.mail_domain()
    # A dot-atom (RFC 2919, section 2).
    name = ".".join(part for part in re.sub(r"[^\w.-]+", "-", key, flags=re.ASCII).split(".") if part)
    return f"{name[: _LIST_ID_LENGTH - len(domain) - 1].rstrip('.')}.{domain}"


def overridden(headers: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """
    ``headers`` with ``own`` in the place of those of the same name. Names know no case (RFC 5322, section
    1.2.2): a "references" must not stand beside "References".
    """
    names = {name.lower() for name in own}
    kept = {name: value for name, value in headers.items() if name.lower() not in names}
    return {**kept, **own}
