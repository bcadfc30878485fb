import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from notifyaudit.sources import audit_table
from tests.sources.upstream.models.shape import Inspection


class SightedInspection(Inspection):
    pass


audit_table(SightedInspection)


class NarrowInspection(Inspection):
    """Only its status and price count."""


audit_table(NarrowInspection, fields=["status", "price"])


class SpecialInspection(SightedInspection):
    """Has columns of its own in a table of its own."""

    hazard = models.CharField(max_length=20)


audit_table(SpecialInspection)


class Typed(models.Model):
    """One column of each type that JSON has no word for."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    exact = models.DecimalField(max_digits=20, decimal_places=4)
    inexact = models.FloatField()
    day = models.DateField()
    moment = models.DateTimeField()
    hour = models.TimeField()
    span = models.DurationField()
    blob = models.BinaryField()
    names = ArrayField(models.CharField(max_length=20))
    prices = ArrayField(models.DecimalField(max_digits=8, decimal_places=2))
    facts = models.JSONField()
    address = models.GenericIPAddressField()
    doubled = models.GeneratedField(
        expression=models.F("exact") * 2,
        output_field=models.DecimalField(max_digits=20, decimal_places=4),
        db_persist=True,
    )
    renewed_at = models.DateTimeField(auto_now=True)


audit_table(Typed)


class Keyed(models.Model):
    """Its primary key can be changed, and its column has a name that must be quoted."""

    name = models.CharField(max_length=20, primary_key=True, db_column="Name of it")
    access_token = models.CharField(max_length=20, null=True)
    pin = models.IntegerField(default=1234)


audit_table(Keyed)
