"""How soon somebody wants to be told. Pure: no ORM, no settings."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Frequency(TextChoices):
    """At once, or in a digest of an hour, a day or a week. Declared soonest first."""

    IMMEDIATE = "immediate", _("Immediately")
    HOURLY = "hourly", _("Hourly")
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")

    @property
    def rank(self) -> int:
        """0 for the soonest: members are texts, and ``<`` would compare them by the alphabet."""
        return list(type(self)).index(self)
