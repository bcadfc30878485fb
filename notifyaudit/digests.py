"""The mail that tells of many events at once: what is left of them when it leaves."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from django.utils.html import escape
from django.utils.translation import gettext_lazy as _

from notifyaudit.actions import known
from notifyaudit.changes import Change
from notifyaudit.emails import AuditEmail
from notifyaudit.frequency import Frequency
from notifyaudit.models import AuditEvent, SkipReason
from notifyaudit.patterns import is_own
from notifyaudit.registry import emails
from notifyaudit.summing import Section

_ROOM = 70 * 1024
"""Bytes of the HTML for the sections: Gmail cuts a mail off after 102 KB, its link to unsubscribe with it."""
_OF_SECTION, _OF_CHANGE = 500, 450
"""What either takes beside its words, with the styles in its elements."""


class DigestEmail(AuditEmail):
    """
    The digest of an hour, a day or a week. Subclass it for one that looks or counts differently, and name it
    in ``digest_class`` of the email classes whose events it is to collect.
    """

    collects = True
    subject = _(
        "{{ period }} digest: {{ sections.0.name }}{% if total > 1 %} and {{ others }} more{% endif %}"
    )
    template_name = "notifyaudit/digest.html"
    template_txt_name = "notifyaudit/digest.txt"
    threaded = False
    declined_because = SkipReason.UNCHANGED
    label = _("Digest")
    description = _("What has changed since the last one.")

    frequency: Frequency = Frequency.DAILY
    told_by: Mapping[int, str] = MappingProxyType({})
    """Of each event, by its key: the key of the email class that tells of it."""

    max_sections: int = 50
    """So many objects are told of, as far as there is room; of the others it says how many there are."""

    @classmethod
    def preview(cls) -> AuditEmail | None:
        """About the first action that the project declares; ``None`` if it has none."""
        action = next((value for value in known.values() if not is_own(value)), None)
        return cls.sample(action, changes={"status": ("draft", "completed")}) if action else None

    def should_send(self) -> bool:
        """Not if nothing is left: what was changed has been changed back."""
        return bool(self.sections)

    def importance(self, section: Section) -> Any:
        """What sections are sorted by, the highest first: by default those with the newest event."""
        return section.events[-1].pk

    def visible_changes(self) -> dict[str, Change]:
        """None of its own: it speaks in ``sections``."""
        return {}

    def visible_changes_of(self, event: AuditEvent) -> dict[str, Any]:
        """The changes of one of the events that this recipient may see, as its own email class decides."""
        email_class = emails.get(self.told_by.get(event.pk, ""))
        if email_class is None or email_class.collects:
            return dict(event.changes)
        email = email_class(recipient_email_list=list(self.recipient_email_list))
        email.event, email.recipient, email.preference = event, self.recipient, self.preference
        return email.visible_changes_of(event)

    @cached_property
    def sections(self) -> list[Section]:
        """What is left, by object, the most important first."""
        return sorted(super().sections, key=self.importance, reverse=True)

    def get_context_data(self) -> dict[str, Any]:
        """``sections``, ``omitted`` ones, ``total``, ``others`` (all but the first) and ``period``."""
        told = self.sections[: self._fitting()]
        return {
            **super().get_context_data(),
            "sections": told,
            "omitted": len(self.sections) - len(told),
            "total": len(self.sections),
            "others": len(self.sections) - 1,
            "period": self.frequency.label,
        }

    def _fitting(self) -> int:
        room = _ROOM
        for place, section in enumerate(self.sections[: self.max_sections]):
            # Of a copy: what a section says is kept in the language in which it was first asked for.
            room -= _size_of(replace(section))
            if room < 0:
                return max(place, 1)
        return self.max_sections


def _size_of(section: Section) -> int:
    words = [section.name, section.url, *section.actors, *(label for label, _ in section.happened)]
    for change in section.changes.values():
        words += [change.label, change.old_clipped, change.new_clipped]
    boxes = _OF_SECTION + _OF_CHANGE * len(section.changes)
    return boxes + sum(len(escape(word).encode()) for word in words)


AuditEmail.digest_class = DigestEmail
