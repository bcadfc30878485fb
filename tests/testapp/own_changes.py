"""A project's own change model, as docs/how-to/own-change-model.md shows it."""

from django.conf import settings
from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver

from notifyaudit import record
from notifyaudit.models import AuditEvent


class Change(models.Model):
    action = models.CharField(max_length=50)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    related_model = models.CharField(max_length=100)
    related_str = models.CharField(max_length=200)
    fields = models.JSONField(default=dict)
    related_data = models.JSONField(default=dict)


@receiver(post_save, sender=Change)
def record_event(sender, instance, created, raw, **options):
    if created and not raw:
        record(
            instance.action,
            actor=instance.user,
            changes=instance.fields,
            related=[instance],
            data={"model": instance.related_model, "name": instance.related_str, **instance.related_data},
            source="changes",
            source_ref=str(instance.pk),
        )


class LedgerChange(AuditEvent):
    class Meta:
        proxy = True

    user = property(lambda self: self.actor)
    related_model = property(lambda self: self.target_type)
    related_str = property(lambda self: self.target_repr)
    fields = property(lambda self: self.changes)
    related_data = property(lambda self: self.data)
