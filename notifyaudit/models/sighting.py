"""What a trigger of the database has seen and no sweep has taken up yet."""

from decimal import Decimal
from json import JSONDecoder
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifyaudit import clock
from notifyaudit.models.fields import KeyField


class ExactDecoder(JSONDecoder):
    """Reads ``12.10`` as the decimal that the column holds; a float would be another number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_float": Decimal})


class Sighting(models.Model):
    """
    One changed row. Written on PostgreSQL by ``notifyaudit_sighted()``, in the transaction of the change;
    deleted by the sweep that makes an event of it, in the transaction of the event.

    It holds all there is to know, so that nothing is lost when the row is gone by then. Of a sensitive column
    it holds a mask. An old row in which such a column is missing says that it was changed.

    ``error`` says how its source raised, ``retry_at`` when it is asked again (``None``: no more).
    """

    source = KeyField(_("source"), max_length=64)
    model = KeyField(_("model"), max_length=190)
    operation = KeyField(_("operation"), max_length=8)
    before = models.JSONField(_("row before"), null=True, decoder=ExactDecoder)
    after = models.JSONField(_("row after"), null=True, decoder=ExactDecoder)
    transaction = KeyField(_("transaction"), max_length=20)
    context = models.TextField(_("circumstances"), blank=True)
    seen_at = models.DateTimeField(_("seen at"), default=clock.now)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    retry_at = models.DateTimeField(_("retry at"), null=True)
    error = models.TextField(_("error"), blank=True)

    objects: "models.Manager[Sighting]" = models.Manager()

    class Meta:
        verbose_name = _("sighting")
        verbose_name_plural = _("sightings")

    def __str__(self) -> str:
        return f"{self.operation} of {self.model} seen by {self.source}"
