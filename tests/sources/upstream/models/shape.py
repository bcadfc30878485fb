"""What the models of all packages have in common, so that the same operations can be tried on each."""

from django.conf import settings
from django.db import models


class Building(models.Model):
    """Watched by no package; its deletion cascades."""

    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class Inspection(models.Model):
    name = models.CharField(max_length=50)
    status = models.CharField(max_length=20, default="draft")
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    is_urgent = models.BooleanField(default=False)
    due_on = models.DateField(null=True)
    visited_at = models.DateTimeField(null=True)
    facts = models.JSONField(default=dict)
    access_token = models.CharField(max_length=20, default="")
    building = models.ForeignKey(Building, models.CASCADE, null=True, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    tags = models.ManyToManyField(Tag, related_name="+")

    class Meta:
        abstract = True

    def __str__(self):
        return self.name
