from notifyaudit import AuditEmail

from .actions import InspectionAction


class InspectionEmail(AuditEmail):
    actions = [*InspectionAction]
    subject = "{{ event.action }}: {{ event.target_repr }}"
    template_name = "upstream/changed.html"

    @classmethod
    def get_recipients(cls, event):
        return ["facility@example.com"]
