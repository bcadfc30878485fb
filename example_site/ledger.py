"""What a request left behind in the database: its event, the notifications, the messages and the tasks."""

import textwrap
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from django.apps import apps


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The keys of every row that telling somebody could leave."""

    events: frozenset[Any]
    notifications: frozenset[Any]
    messages: frozenset[Any]
    tasks: frozenset[Any]

    @classmethod
    def now(cls) -> Self:
        # Looked up late: the demo chooses its database before it sets Django up.
        models = {
            "events": apps.get_model("notifyaudit.AuditEvent"),
            "notifications": apps.get_model("notifyaudit.Notification"),
            "messages": apps.get_model("notifyaudit.Message"),
            "tasks": apps.get_model("django_tasks_database.DBTaskResult"),
        }
        return cls(
            **{name: frozenset(model.objects.values_list("pk", flat=True)) for name, model in models.items()}
        )

    def since(self, before: "Rows") -> dict[str, int]:
        """How many rows of each kind are new."""
        return {f.name: len(getattr(self, f.name) - getattr(before, f.name)) for f in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One event and what became of it."""

    event: Any

    @classmethod
    def since(cls, before: Rows) -> "Telling | None":
        """The event that is new, if there is exactly one."""
        events = apps.get_model("notifyaudit.AuditEvent").objects.exclude(pk__in=before.events)
        found = list(events[:2])
        return cls(event=found[0]) if len(found) == 1 else None

    @property
    def notifications(self) -> list[Any]:
        return list(self.event.notifications.select_related("message").order_by("pk"))

    @property
    def told(self) -> list[Any]:
        return [found for found in self.notifications if found.message_id]

    @property
    def not_told(self) -> list[Any]:
        return [found for found in self.notifications if not found.message_id]

    @property
    def is_settled(self) -> bool:
        """Whether everybody is told, as far as the ledger knows: it is marked after the mail has left."""
        return bool(self.told) and all(found.message.status == "sent" for found in self.told)

    @property
    def committed_at(self) -> datetime:
        """The moment right after the commit: then the wake-up task is enqueued."""
        tasks = apps.get_model("django_tasks_database.DBTaskResult").objects
        wake_up = tasks.filter(enqueued_at__gte=self.event.recorded_at).earliest("enqueued_at")
        return wake_up.enqueued_at

    @property
    def changes(self) -> list[str]:
        changes = self.event.readable_changes().values()
        return [
            f"{change.label}: {brief(change.old_label)} → {brief(change.new_label)}" for change in changes
        ]


def brief(value: Any) -> str:
    """One short line, however long the value is."""
    return textwrap.shorten(str(value), 48, placeholder=" …")
