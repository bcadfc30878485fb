from notifyaudit import AuditEmail

from .actions import DocumentAction


class DocumentChangedEmail(AuditEmail):
    actions = [DocumentAction.CHANGED]
    subject = "{{ target }} was changed"
    template_name = "testapp/changed.html"

    @classmethod
    def get_recipients(cls, event):
        return [event.target.owner, *event.data.get("also", [])]
