from django.db import models


class Deed(models.Model):
    """What an application does in its transaction: this table says which deeds were committed."""

    number = models.IntegerField(primary_key=True)
    recipients = models.JSONField()

    def __str__(self):
        return f"Deed {self.number}"
