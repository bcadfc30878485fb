"""What can be told at start: the mistakes in settings, actions and email classes, each with its mend."""

from notifyaudit.checks import declarations, email_classes, settings, sources

__all__ = ["declarations", "email_classes", "settings", "sources"]
