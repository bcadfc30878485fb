from notifyaudit import Action


class DeedAction(Action):
    CREATED = "deed.created", "Created"
    UPDATED = "deed.updated", "Updated"
    DELETED = "deed.deleted", "Deleted"
