"""Who works on inspections, and the buildings that are inspected."""

from typing import Self

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    class Role(models.TextChoices):
        INSPECTOR = "inspector", _("Inspector")
        REVIEWER = "reviewer", _("Reviewer")
        OWNER = "owner", _("Owner")

    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.OWNER)

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class BuildingQuerySet(models.QuerySet["Building"]):
    def visible_to(self, user: User) -> Self:
        """An owner sees their own buildings; who works for the inspectorate sees every one."""
        if user.is_superuser or user.role != User.Role.OWNER:
            return self
        return self.filter(owner=user)


class Building(models.Model):
    name = models.CharField(_("name"), max_length=100)
    address = models.CharField(_("address"), max_length=200)
    owner = models.ForeignKey(User, models.PROTECT, related_name="buildings", verbose_name=_("owner"))
    facility_email = models.EmailField(
        _("facility email"), blank=True, help_text=_("Told of every result; needs no account.")
    )
    licence_number = models.CharField(_("licence number"), max_length=40, blank=True)

    objects = BuildingQuerySet.as_manager()

    class Meta:
        verbose_name = _("building")
        verbose_name_plural = _("buildings")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("building", args=[self.pk])
