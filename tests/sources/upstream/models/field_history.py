from field_history.tracker import FieldHistoryTracker

from .shape import Inspection


class TrackedInspection(Inspection):
    field_history = FieldHistoryTracker(["name", "status", "price", "due_on", "owner"])
