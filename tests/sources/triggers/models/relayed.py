from django.db import models
from field_history.models import FieldHistory

from notifyaudit.sources.triggers import Relay


class Change(models.Model):
    """A project's own history, a row a field."""

    inspection = models.BigIntegerField()
    field_name = models.CharField(max_length=50)
    old = models.TextField()
    new = models.TextField()

    class Meta:
        triggers = [Relay("changes", names_in="field_name", values_in=["old", "new"])]


class RelayedFieldHistory(FieldHistory):
    class Meta:
        proxy = True
        triggers = [Relay("field_history", names_in="field_name", values_in=["serialized_data"])]
