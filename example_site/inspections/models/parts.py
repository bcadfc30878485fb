"""What the parts of an inspection (sections, photos, reports) have in common."""

from typing import Any, Self

from django.db import models

from example_site.inspections.models.buildings import Building, User


class PartQuerySet(models.QuerySet[Any]):
    """Rows with a foreign key ``inspection``."""

    def visible_to(self, user: User) -> Self:
        """Those of the inspections that this user sees."""
        return self.filter(inspection__building__in=Building.objects.visible_to(user))
