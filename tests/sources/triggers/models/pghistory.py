import pghistory
from django.db import models

from tests.sources.upstream.models.shape import Inspection


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    pghistory.DeleteEvent(),
    pghistory.ManualEvent("approved"),
)
class EventedInspection(Inspection):
    pass


@pghistory.track(
    pghistory.InsertEvent("came"),
    pghistory.UpdateEvent("went", row=pghistory.Old),
    pghistory.DeleteEvent("gone"),
    exclude=["facts"],
)
class OldRowInspection(Inspection):
    """Of an update it keeps what was before, under labels of its own."""


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent("after"),
    pghistory.UpdateEvent("before", row=pghistory.Old),
    context_field=pghistory.ContextJSONField(),
    context_id_field=pghistory.ContextUUIDField(),
)
class JsonContextInspection(Inspection):
    """Keeps both rows of an update."""


@pghistory.track(pghistory.UpdateEvent(), context_field=None)
class ContextlessInspection(models.Model):
    name = models.CharField(max_length=50)
    status = models.CharField(max_length=20, default="draft")

    def __str__(self):
        return self.name
