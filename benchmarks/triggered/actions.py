"""What the triggers see is called."""

from notifyaudit import Action


class SheetAction(Action):
    """One is enough."""

    EDITED = "sheet.edited", "Sheet edited"
