"""What happened to an inspection, and who was told: the ledger's rows as a page shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Field, Prefetch, Q
from django.utils.formats import date_format
from django.utils.translation import gettext

from example_site.inspections.actions import InspectionAction, PhotoAction
from example_site.inspections.models import Inspection, User
from notifyaudit.models import AuditEvent, Notification

LENGTH = 50
_FIELDS = {field.name: field for field in Inspection._meta.fields}
_LABELS = dict(InspectionAction.choices) | dict(PhotoAction.choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One changed field, in words."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One person or plain address, and what became of their mail."""

    who: str
    notification: Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event: what changed, and who was told or not."""

    event: AuditEvent
    label: str
    changes: list[Change]
    told: list[Told]


def history_of(inspection: Inspection) -> list[Entry]:
    """The latest events of an inspection and its photos, newest first. The number of queries is fixed."""
    notifications = Notification.objects.select_related("message").order_by("pk")
    events = (
        AuditEvent.objects.filter(
            Q(target_type="inspections.Inspection", target_id=str(inspection.pk))
            | Q(target_type="inspections.Photo", data__inspection=inspection.pk)
        )
        .order_by("-recorded_at", "-pk")
        .prefetch_related(Prefetch("notifications", notifications))[:LENGTH]
    )
    names = _names(notification for event in events for notification in event.notifications.all())
    return [
        Entry(
            event=event,
            label=str(_LABELS.get(event.action, event.action)),
            changes=[_change(name, *event.changes[name]) for name in sorted(event.changes, key=_position)],
            told=[
                Told(who=_who(notification, names), notification=notification)
                for notification in event.notifications.all()
            ],
        )
        for event in events
    ]


def _names(notifications: Iterable[Notification]) -> dict[str, str]:
    # All at once: asking each notification for its recipient is a query per row.
    ids = {notification.recipient_id for notification in notifications if notification.recipient_id}
    return {str(pk): str(user) for pk, user in User.objects.in_bulk(ids).items()} if ids else {}


def _who(notification: Notification, names: dict[str, str]) -> str:
    if notification.recipient_id:
        return names.get(notification.recipient_id, gettext("A deleted account"))
    return notification.address or gettext("Not known yet")


def _position(name: str) -> int:
    # PostgreSQL keeps the keys of a JSON object in an order of its own; a form has a familiar one.
    return list(_FIELDS).index(name) if name in _FIELDS else len(_FIELDS)


def _change(name: str, old: Any, new: Any) -> Change:
    field = _FIELDS.get(name)
    label = str(field.verbose_name) if field else name.replace("_", " ")
    return Change(label=label[:1].upper() + label[1:], old=_in_words(field, old), new=_in_words(field, new))


def _in_words(field: Field | None, value: Any) -> str:
    match value:
        case None | "":
            return gettext("empty")
        case {"repr": str(name)}:
            return name
    if field is not None and field.get_internal_type() == "DateField":
        return date_format(date.fromisoformat(value))
    return str(dict(field.flatchoices).get(value, value)) if field else str(value)
