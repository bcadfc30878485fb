"""What can happen in a project: the words that events are recorded under."""

from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from notifyaudit.exceptions import UnknownAction


class Action(TextChoices):
    """
    Base of a project's own actions. Past tense, ``"<thing>.<verb>"``::

        class InspectionAction(Action):
            COMPLETED = "inspection.completed", _("Inspection completed")

    Every app's ``actions.py`` is imported at start; a subclass is known from its definition on.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        known.add(cls)


class KnownActions:
    """All ``Action`` classes. Members are read lazily: an enum has none yet while it is being defined."""

    def __init__(self) -> None:
        self._classes: dict[tuple[str, str], type[Action]] = {}

    def add(self, action_class: type[Action]) -> None:
        """Register a class; one that is defined again (an autoreload, a test) replaces itself."""
        self._classes[action_class.__module__, action_class.__qualname__] = action_class

    def members(self) -> list[Action]:
        """Every declared action."""
        return [member for action_class in self._classes.values() for member in action_class]

    def values(self) -> list[str]:
        """Every declared action's value."""
        return [member.value for member in self.members()]

    def require(self, action: object) -> str:
        """
        The value of a declared action.

        Raises:
            UnknownAction: naming the nearest declared one.
        """
        if isinstance(action, Action):
            return action.value
        values = self.values()
        if str(action) not in values:
            raise UnknownAction(action, values)
        return str(action)

    def label(self, action: str) -> str:
        """What a person reads for an action; the action itself when nobody declares it any more."""
        return next((str(member.label) for member in self.members() if member.value == action), action)


known = KnownActions()


class SubscriptionAction(Action):
    """What readers do by links and on pages. Patterns of a project do not mean the library's own actions."""

    UNSUBSCRIBED = "notifyaudit.unsubscribed", _("Unsubscribed")
    RESUBSCRIBED = "notifyaudit.resubscribed", _("Unsubscribing undone")
    PREFERENCES_CHANGED = "notifyaudit.preferences_changed", _("Preferences changed")
