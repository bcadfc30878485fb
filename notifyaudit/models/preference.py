"""When, and in which language, somebody wants to read."""

from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from notifyaudit.models.fields import KeyField

HOUR = 8
"""At which digests leave, unless somebody wishes otherwise."""

MONDAY = 0


def check_zone(name: str) -> None:
    """
    Raises:
        ValidationError: if tzdata knows no such IANA zone.
    """
    if name not in available_timezones():
        raise ValidationError(_("There is no time zone %(name)s."), params={"name": name}, code="zone")


class Preference(models.Model):
    """
    Of a user, or of whoever has a plain address. Who has none reads at eight, on Mondays. Where no language
    or time zone is chosen, the project knows (``RECIPIENT_LANGUAGE``, ``RECIPIENT_TIMEZONE``) or has its own.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", verbose_name=_("user")
    )
    # The key of the recipient, not the address: one mailbox is written in several ways.
    address_key = KeyField(_("address's key"), max_length=255, null=True, unique=True, editable=False)
    address = models.CharField(_("address"), max_length=512, blank=True, editable=False)
    timezone = models.CharField(_("time zone"), max_length=64, blank=True, validators=[check_zone])
    digest_hour = models.PositiveSmallIntegerField(
        _("hour of digests"), default=HOUR, validators=[MaxValueValidator(23)]
    )
    digest_weekday = models.PositiveSmallIntegerField(
        _("weekday of weekly digests"), default=MONDAY, validators=[MaxValueValidator(6)]
    )
    language = models.CharField(_("language"), max_length=16, blank=True)

    auto_subscribe = models.BooleanField(_("watch what I work on"), default=True)

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, address_key__isnull=True)
                | models.Q(user__isnull=True, address_key__isnull=False),
                name="notifyaudit_preference_of_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id or self.address_key}: {self.digest_hour}:00 {self.timezone}".strip()
