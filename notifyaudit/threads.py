"""The one thread that all mails about an object belong to in the reader's mail program."""

from urllib.parse import quote

from django.db.models import Model

from notifyaudit import conf
from notifyaudit.identity import id_of, type_of


def thread_id(target: Model) -> str:
    """
    The message id that every mail about this object refers to (``References`` and ``In-Reply-To``;
    RFC 5322, section 3.6.4). No mail with that id is ever sent: mail programs group by it all the same.
    """
    return thread_id_of(type_of(target), id_of(target))


def thread_id_of(type_name: str, identifier: str) -> str:
    """The same for an object that is known by its type and id only, deleted ones included."""
    return f"<{quote(f'{type_name.lower()}.{identifier}', safe='.-_')}.thread@{conf.mail_domain()}>"
