"""Models with the edges that the example site does not have."""

import uuid

from django.conf import settings
from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class Folder(models.Model):
    name = models.CharField(max_length=50)

    notifyaudit_parent = "parent"
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True)

    def __str__(self):
        return self.name


class Document(models.Model):
    class Kind(models.TextChoices):
        LETTER = "letter", "A letter"
        PLAN = "plan", "A plan"

    title = models.CharField(max_length=100)
    kind = models.CharField(
        max_length=10, choices=Kind.choices, default=Kind.LETTER, verbose_name="sort of paper"
    )
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    is_public = models.BooleanField(default=False)
    due_on = models.DateField(null=True)
    api_token = models.CharField(max_length=50, default="")
    house_number = models.CharField(max_length=10, default="")
    tokenizer = models.CharField(max_length=50, default="")
    access_code_hint = models.CharField(max_length=50, default="")
    folder = models.ForeignKey(Folder, models.CASCADE, null=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    tags = models.ManyToManyField(Tag)
    updated_at = models.DateTimeField(auto_now=True)

    notifyaudit_parent = "folder"
    notifyaudit_sensitive_fields = ["house_number"]
    notifyaudit_public_fields = ["access_code_hint"]

    def __str__(self):
        return self.title


class Ticket(models.Model):
    """A primary key that is no number, and a name that cannot be had."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    def __str__(self):
        raise RuntimeError("no name")


class Letter(Document):
    """A multi-table child."""

    pages = models.IntegerField(default=1)


class UrgentDocument(Document):
    """A proxy."""

    class Meta:
        proxy = True


# At the end: the module is a page of the documentation, and uses nothing from here.
from tests.testapp.own_changes import Change, LedgerChange  # noqa: E402, F401
