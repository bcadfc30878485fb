from django_lifecycle import LifecycleModelMixin

from .shape import Inspection


class HookedInspection(LifecycleModelMixin, Inspection):
    pass
