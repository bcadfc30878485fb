"""When somebody wants to read their digests."""

from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

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
    """Of a user. Who has none reads by the clock of the project, at eight, on Mondays."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user")
    )
    timezone = models.CharField(
        _("time zone"), max_length=64, default=timezone.get_default_timezone_name, validators=[check_zone]
    )
    digest_hour = models.PositiveSmallIntegerField(
        _("hour of digests"), default=HOUR, validators=[MaxValueValidator(23)]
    )
    digest_weekday = models.PositiveSmallIntegerField(
        _("weekday of weekly digests"), default=MONDAY, validators=[MaxValueValidator(6)]
    )

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.digest_hour}:00, {self.timezone}"
