import pghistory
from django.db import models

from notifyaudit.sources import audit_table


class Thing(models.Model):
    stamp = models.CharField(max_length=60)
    """Names the change that wrote it; no other writes the same."""

    class Meta:
        abstract = True

    def __str__(self):
        return f"thing {self.pk}"


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Evented(Thing):
    pass


class Audited(Thing):
    pass


audit_table(Audited)


class Note(models.Model):
    """What a writer has done, written in the same transaction."""

    model = models.CharField(max_length=20)
    thing = models.BigIntegerField()
    kind = models.CharField(max_length=10)
    stamp = models.CharField(max_length=60)
    actor = models.CharField(max_length=20)
