"""Models with the edges that the example site does not have."""

import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
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


class Member(AbstractBaseUser):
    """A user whose key is a UUID and whose name is an address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mail = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)

    EMAIL_FIELD = "mail"
    USERNAME_FIELD = "mail"
    objects = BaseUserManager()


class Shelf(models.Model):
    """A key that is a text, any text."""

    code = models.CharField(primary_key=True, max_length=200)

    def __str__(self):
        return f"Shelf {self.code}"


class Seat(models.Model):
    """A key of two parts, one of them a foreign key."""

    pk = models.CompositePrimaryKey("shelf_id", "number")
    shelf = models.ForeignKey(Shelf, models.CASCADE)
    number = models.IntegerField()
    label = models.CharField(max_length=50, default="")

    def __str__(self):
        return f"{self.shelf_id}/{self.number}"


class LivingManager(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(archived=False)


class Archive(models.Model):
    """Its default manager hides what is archived."""

    name = models.CharField(max_length=50)
    archived = models.BooleanField(default=False)
    siblings = models.ManyToManyField("self", symmetrical=False)

    objects = LivingManager()

    def __str__(self):
        return self.name


class Credential(models.Model):
    """Everything about it is secret, its name and its key first."""

    session_key = models.CharField(primary_key=True, max_length=40)
    api_token = models.ForeignKey(Ticket, models.CASCADE, null=True)
    code = models.CharField(max_length=40, default="")
    holder = models.ForeignKey(Tag, models.CASCADE, null=True)
    reader_token = models.ForeignKey(Tag, models.CASCADE, null=True, related_name="+")

    notifyaudit_sensitive_fields = ["code", "holder_id"]
    notifyaudit_public_fields = ["reader_token"]

    def __str__(self):
        return f"{self.session_key} ({self.code})"


class Profile(models.Model):
    """What a project knows of how its users read."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="profile")
    language = models.CharField(max_length=16, blank=True)
    zone = models.CharField(max_length=64, blank=True)

    def __str__(self):
        return f"{self.language} {self.zone}"


# At the end: the module is a page of the documentation, and uses nothing from here.
from tests.testapp.own_changes import Change, LedgerChange  # noqa: E402, F401
