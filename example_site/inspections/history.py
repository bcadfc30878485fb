"""What happened to an inspection, and who was told: the ledger's rows as a page shows them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, Q
from django.utils.translation import gettext

from example_site.inspections.actions import InspectionAction, PhotoAction, ReportAction, SectionAction
from example_site.inspections.models import Inspection, User
from notifyaudit.changes import Change
from notifyaudit.models import AuditEvent, Notification

LENGTH = 50
_PARTS = ["inspections.Section", "inspections.Photo", "inspections.Report"]
_LABELS = {
    value: label
    for actions in (InspectionAction, SectionAction, PhotoAction, ReportAction)
    for value, label in actions.choices
}


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
    part: str
    """What the part of the inspection was called that it happened to, if it was one."""
    changes: list[Change]
    told: list[Told]


def history_of(inspection: Inspection) -> list[Entry]:
    """The latest events of an inspection and its parts, newest first. The number of queries is fixed."""
    notifications = Notification.objects.select_related("message").order_by("pk")
    events = (
        AuditEvent.objects.filter(
            Q(target_type="inspections.Inspection", target_id=str(inspection.pk))
            | Q(target_type__in=_PARTS, data__inspection=inspection.pk)
        )
        .order_by("-recorded_at", "-pk")
        .prefetch_related(Prefetch("notifications", notifications))[:LENGTH]
    )
    names = _names(notification for event in events for notification in event.notifications.all())
    return [
        Entry(
            event=event,
            label=str(_LABELS.get(event.action, event.action)),
            part=event.target_repr if event.target_type in _PARTS else "",
            changes=list(event.readable_changes().values()),
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
