"""What a mail's reader can do about it: stop such mails, choose what comes."""

from functools import cached_property
from typing import Any

from django.utils.functional import Promise

from notifyaudit import links
from notifyaudit.composing import Composed
from notifyaudit.headers import list_headers
from notifyaudit.identity import id_of
from notifyaudit.models import Preference


class Answerable(Composed):
    """The links and headers by which a reader decides."""

    key: str = ""
    """Stored in the ledger. Default: app label and class name; pin it before you rename the class."""
    label: str | Promise = ""
    """What this kind of email is called. Default: from the class's name."""
    mandatory: bool = False
    """Whether it leaves at once, whatever somebody has muted."""
    collects: bool = False
    """Whether it is a digest, of what other classes would have said."""

    recipient: Any = None
    preference: Preference | None = None
    watched: tuple[str, str] | None = None

    @cached_property
    def unsubscribe_url(self) -> str:
        """Where this reader stops mails such as this; empty if nobody can, or there is no such page."""
        if self.mandatory or not self.events:
            return ""
        return links.unsubscribe_url(self._reader, self._scope())

    @cached_property
    def preferences_url(self) -> str:
        """Where this reader chooses what comes; empty if the project has no such page."""
        # Whoever signs in there is the reader; the link itself names nobody.
        return links.preferences_url("u" if self.recipient is not None else self._reader)

    @property
    def _reader(self) -> str:
        # A mail that is only looked at must not unsubscribe somebody whom it shows.
        if not self.message_id:
            return links.NOBODY
        return links.name_of("" if self.recipient is None else id_of(self.recipient), self.preference)

    def _scope(self) -> links.Scope:
        if self.collects:
            return links.Scope(extent=links.Extent.KIND, email_key=self.key)
        target_type, target_id = self.watched or (self.event.target_type, self.event.target_id)
        return links.Scope(
            extent=links.Extent.OBJECT if self.watched else links.Extent.KIND,
            email_key=self.key,
            target_type=target_type,
            target_id=target_id,
        )

    def _list_headers(self) -> dict[str, str]:
        url = self.unsubscribe_url
        return list_headers(url, key=self.key, label=str(self.label)) if url else {}
