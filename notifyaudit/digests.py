"""The mail that tells of many events at once: what is left of them when it leaves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import urljoin

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifyaudit import conf
from notifyaudit.actions import known
from notifyaudit.changes import Change, readable
from notifyaudit.emails import AuditEmail
from notifyaudit.frequency import Frequency
from notifyaudit.identity import id_of, model_of, type_of
from notifyaudit.models import AuditEvent, SkipReason
from notifyaudit.netchange import NetChange, Occurrence, is_creation, net_changes
from notifyaudit.registry import emails


@dataclass(frozen=True, kw_only=True)
class Section:
    """
    What a digest says of one object.

    Args:
        net: what is left of its events.
        events: all of the object's, oldest first.
    """

    net: NetChange
    events: list[AuditEvent]

    # For people, and so made when it is asked for: whether a mail leaves is asked in no reader's language.

    @cached_property
    def name(self) -> str:
        """What the object was called last."""
        newest = self.events[-1]
        return newest.target_repr or known.label(newest.action)

    @cached_property
    def changes(self) -> Mapping[str, Change]:
        """The net changes, as people read them."""
        return readable(self.net.changes, model_of(self.events[-1].target_type))

    @cached_property
    def happened(self) -> list[tuple[str, int]]:
        """``(label of the action, how often)``, of what happened without a change."""
        return [(known.label(action), count) for action, count in self.net.happened.items()]

    @property
    def target(self) -> Any:
        """The object, as of the newest event; ``None`` when nothing of it is left."""
        return self.events[-1].target

    @cached_property
    def url(self) -> str:
        """Its page, by ``get_absolute_url()``; empty if it has none, or is gone."""
        get_absolute_url = getattr(self.target, "get_absolute_url", None)
        if get_absolute_url is None or self.net.deleted:
            return ""
        return urljoin(conf.current().BASE_URL, str(get_absolute_url()))


class DigestEmail(AuditEmail):
    """
    The digest of an hour, a day or a week. Subclass it for one that looks or counts differently, and name it
    in ``digest_class`` of the email classes whose events it is to collect.
    """

    collects = True
    subject = _("{{ period }}: {{ total }} changed")
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
    """So many objects are told of; of the others the digest says how many there are."""

    @classmethod
    def preview(cls) -> AuditEmail | None:
        """About the first action that the project declares; ``None`` if it has none."""
        action = next(iter(known.values()), None)
        return cls.sample(action, changes={"status": ("draft", "completed")}) if action else None

    def should_send(self) -> bool:
        """Not if nothing is left: what was changed has been changed back."""
        return bool(self.sections)

    def importance(self, section: Section) -> Any:
        """What sections are sorted by, the highest first: by default those with the newest event."""
        return section.events[-1].pk

    def visible_changes_of(self, event: AuditEvent) -> Mapping[str, Any]:
        """The changes of one of the events that this recipient may see, as its own email class decides."""
        email_class = emails.get(self.told_by.get(event.pk, ""))
        if email_class is None or email_class.collects:
            return dict(event.changes)
        email = email_class(recipient_email_list=list(self.recipient_email_list))
        email.event, email.events, email.recipient = event, (event,), self.recipient
        return dict(email.visible_changes())

    @cached_property
    def sections(self) -> list[Section]:
        """What is left, by object."""
        of_object: dict[Any, list[AuditEvent]] = {}
        for event in self.events:
            of_object.setdefault(_about(event), []).append(event)
        nets = net_changes(self._occurrences())
        found = [Section(net=net, events=of_object[net.about]) for net in nets]
        return sorted(found, key=self.importance, reverse=True)

    def net_changes(self, target: models.Model) -> dict[str, tuple[Any, Any]]:
        """``{field: (old, new)}`` of one object, as stored; empty: nothing is left of its changes."""
        about = (type_of(target), id_of(target))
        return next((dict(each.net.changes) for each in self.sections if each.net.about == about), {})

    def get_context_data(self) -> dict[str, Any]:
        """``sections``, ``omitted`` (how many more there are), ``total`` and ``period``."""
        return {
            **super().get_context_data(),
            "sections": self.sections[: self.max_sections],
            "omitted": max(len(self.sections) - self.max_sections, 0),
            "total": len(self.sections),
            "period": self.frequency.label,
        }

    def _occurrences(self) -> Iterator[Occurrence]:
        for event in self.events:
            changes = {name: tuple(sides) for name, sides in self.visible_changes_of(event).items()}
            if event.changes and not changes and event.snapshot is None:
                continue  # nothing of it is for this reader
            yield Occurrence(
                about=_about(event),
                action=event.action,
                changes=changes,
                created=is_creation(event.changes, _never_null(model_of(event.target_type))),
                snapshot=event.snapshot,
            )


def _about(event: AuditEvent) -> tuple[str, str]:
    return (event.target_type, event.target_id) if event.target_type else ("", event.action)


@lru_cache
def _never_null(model: type[models.Model] | None) -> frozenset[str]:
    if model is None:
        return frozenset()
    fields = [*model._meta.concrete_fields, *model._meta.many_to_many]
    return frozenset(field.name for field in fields if field.many_to_many or not field.null)


AuditEmail.digest_class = DigestEmail
