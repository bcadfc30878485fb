"""What the base layout of mails says in the reader's language, and which way it is written."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, get_language_bidi, gettext

from notifyaudit import conf
from notifyaudit.actions import known
from notifyaudit.models import AuditEvent, Reason

if TYPE_CHECKING:
    from notifyaudit.emails import AuditEmail

# Between words of the other direction an arrow would turn the two sides round. The marks keep its own.
_ARROWS = {"ltr": "→", "rtl": "\N{RIGHT-TO-LEFT MARK}←\N{RIGHT-TO-LEFT MARK}"}


# A list of mails shows the beginning of the text. These take up its room, and none of them is a space to it.
_PADDING: SafeString = mark_safe("&#847;&zwnj;&nbsp;" * 80)  # noqa: S308 - nobody typed it


@dataclass(frozen=True)
class Layout:
    """
    The words of a mail that are not its own, ready for either engine. They are made when a template asks
    for them, in the language that is active then.

    Args: of which mail.
    """

    _email: "AuditEmail"

    @property
    def language(self) -> str:
        """The code of the language, such as ``"pt-br"``, for ``<html lang>``."""
        return get_language() or "en"

    @property
    def direction(self) -> str:
        """``"ltr"`` or ``"rtl"``, for ``<html dir>``."""
        return "rtl" if get_language_bidi() else "ltr"

    @property
    def start(self) -> str:
        """The side where a line begins, ``"left"`` or ``"right"``: Outlook knows no other word for it."""
        return "right" if get_language_bidi() else "left"

    @property
    def end(self) -> str:
        """The other side."""
        return "left" if get_language_bidi() else "right"

    @property
    def arrow(self) -> str:
        """What stands between an old value and a new one, and points to the new one."""
        return _ARROWS[self.direction]

    @property
    def padding(self) -> SafeString:
        """What stands behind a preheader, so that no list of mails shows the mail's text after it."""
        return _PADDING

    @property
    def site(self) -> str:
        """The host of the site, as people say it; empty without a base URL."""
        return (urlsplit(conf.base_url()).hostname or "").removeprefix("www.")

    @property
    def title(self) -> str:
        """What the mail is about: the object of the newest event."""
        event = self._event
        return (event.target_repr if event else "") or self.site

    @property
    def happened(self) -> str:
        """What happened, as the action is called."""
        event = self._event
        return known.label(event.action) if event else self.site

    @property
    def because(self) -> str:
        """A whole sentence: why the reader gets this mail; empty if nobody knows."""
        reason = self._email.reason
        if reason is None:
            return ""
        if self._email.collects:
            # Of many events, each for its own reason.
            return gettext(
                "You get this digest because what it tells of concerns you, or you watch it or have "
                "subscribed to it."
            )
        if reason == Reason.WATCHING and (watched := self._watched_name()):
            return gettext("You get this mail because you watch %(object)s.") % {"object": watched}
        words = {"reason": reason.label}
        if self._email.mandatory:
            return gettext("You get this mail because %(reason)s; it cannot be turned off.") % words
        return gettext("You get this mail because %(reason)s.") % words

    @property
    def unsubscribe_label(self) -> str:
        """What the link to ``unsubscribe_url`` is called."""
        return gettext("Unsubscribe")

    @property
    def preferences_label(self) -> str:
        """What the link to ``preferences_url`` is called."""
        return gettext("Choose what you are told")

    @property
    def _event(self) -> AuditEvent | None:
        return self._email.event if self._email.events else None

    def _watched_name(self) -> str:
        event, watched = self._event, self._email.watched
        if event is None or watched is None:
            return ""
        if watched == (event.target_type, event.target_id):
            return event.target_repr
        of_event = (*event.ancestors, *event.related)
        return next((str(each["repr"]) for each in of_event if (each["type"], each["id"]) == watched), "")
