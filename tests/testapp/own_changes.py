"""A project's own change model, as docs/how-to/own-change-model.md shows it."""

from django.conf import settings
from django.db import models

from notifyaudit.models import AuditEvent
from notifyaudit.sources import Kind, ModelSource, Seen, Subject


class Change(models.Model):
    action = models.CharField(max_length=50)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    related_model = models.CharField(max_length=100)
    related_str = models.CharField(max_length=200)
    fields = models.JSONField(default=dict)
    related_data = models.JSONField(default=dict)


class Changes(ModelSource):
    name = "changes"
    model = Change

    def seen(self, row):
        return Seen(
            reference=str(row.pk),
            kind=Kind.UPDATED if row.fields else Kind.CREATED,
            target=Subject(type_name=row.related_model, repr=row.related_str),
            changes=row.fields,
            actor=row.user,
            related=[row],
            data={**row.related_data, "action": row.action},
        )

    def action_for(self, seen):
        return seen.data["action"]


class LedgerChange(AuditEvent):
    class Meta:
        proxy = True

    user = property(lambda self: self.actor)
    related_model = property(lambda self: self.target_type)
    related_str = property(lambda self: self.target_repr)
    fields = property(lambda self: self.changes)
    related_data = property(lambda self: self.data)
