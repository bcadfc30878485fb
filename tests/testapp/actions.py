from notifyaudit import Action


class DocumentAction(Action):
    CHANGED = "document.changed", "Document changed"
    FILED = "document.filed", "Document filed"
    REMOVED = "document.removed", "Document removed"
