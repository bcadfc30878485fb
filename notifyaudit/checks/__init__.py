"""What can be told at start: mistakes in settings, actions, email classes, signals; each with its mend."""

from notifyaudit.checks import declarations, email_classes, settings, signals, sources

__all__ = ["declarations", "email_classes", "settings", "signals", "sources"]
