"""The same table four times: who sees its changes differs. PostgreSQL only."""

import pghistory
from django.db import models

from notifyaudit.sources import audit_table


class Sheet(models.Model):
    """Some columns of the usual kinds."""

    title = models.CharField(max_length=200)
    status = models.CharField(max_length=20, default="draft")
    price = models.DecimalField(max_digits=10, decimal_places=2)
    note = models.TextField()
    pages = models.IntegerField()
    owner_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen = models.IntegerField(default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


class Unseen(Sheet):
    """No trigger."""


@pghistory.track()
class Tracked(Sheet):
    """django-pghistory alone."""


@pghistory.track()
class Relayed(Sheet):
    """django-pghistory, and its source."""


class Audited(Sheet):
    """``audit_table()``."""


audit_table(Audited, fields=["title", "status", "price", "note", "pages", "owner_id", "created_at"])
