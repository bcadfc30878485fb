import uuid

from django.db import models
from simple_history.models import HistoricalRecords

from .shape import Inspection


class HistoricInspection(Inspection):
    history = HistoricalRecords(m2m_fields=["tags"])


class Numbered(models.Model):
    """An abstract model whose children inherit their history."""

    number = models.IntegerField(default=1)
    history = HistoricalRecords(inherit=True)

    class Meta:
        abstract = True


class Ladder(Numbered):
    pass


class Crane(models.Model):
    """Records that are not counted up, and leave something out."""

    name = models.CharField(max_length=50)
    notes = models.CharField(max_length=50, default="")
    log = HistoricalRecords(
        history_id_field=models.UUIDField(default=uuid.uuid4),
        excluded_fields=["notes"],
        history_user_id_field=models.IntegerField(null=True),
    )

    def __str__(self):
        return f"{self.name} ({self.notes})"


class Forgetful(models.Model):
    """Its history goes with it."""

    name = models.CharField(max_length=50)
    history = HistoricalRecords(cascade_delete_history=True)
