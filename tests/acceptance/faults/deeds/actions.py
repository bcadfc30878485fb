from notifyaudit import Action


class DeedAction(Action):
    DONE = "deed.done", "Deed done"
    NOTED = "deed.noted", "Deed noted"
