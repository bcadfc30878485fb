from django_lifecycle import AFTER_CREATE, AFTER_UPDATE, BEFORE_DELETE, LifecycleModelMixin, hook

from notifyaudit import record
from notifyaudit.sources.lifecycle import record_once
from tests.sources.upstream.actions import InspectionAction

from .shape import Inspection


class HookedInspection(LifecycleModelMixin, Inspection):
    FIELDS = ("name", "status", "price", "building")

    @hook(AFTER_CREATE)
    def tell_of_creation(self):
        record(InspectionAction.SCHEDULED, target=self, source="lifecycle")

    @hook(AFTER_UPDATE, when_any=list(FIELDS), has_changed=True)
    def tell_of_changes(self):
        record_once(
            InspectionAction.EDITED,
            target=self,
            changes={
                name: (self.initial_value(name), getattr(self, name))
                for name in self.FIELDS
                if self.has_changed(name)
            },
            source="lifecycle",
        )

    @hook(BEFORE_DELETE)
    def tell_of_deletion(self):
        record(InspectionAction.REMOVED, target=self, snapshot=True, source="lifecycle")
