from notifyaudit import Action


class InspectionAction(Action):
    SCHEDULED = "upstream.scheduled", "Inspection scheduled"
    COMPLETED = "upstream.completed", "Inspection completed"
    REPRICED = "upstream.repriced", "Inspection repriced"
    EDITED = "upstream.edited", "Inspection edited"
    REMOVED = "upstream.removed", "Inspection removed"
