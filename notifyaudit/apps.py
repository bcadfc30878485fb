"""Wires the library into a Django project."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class NotifyAuditConfig(AppConfig):
    """
    Discovers each app's ``actions.py`` and ``emails.py``, registers the checks, watches audited models and
    connects the sources.
    """

    name = "notifyaudit"
    verbose_name = _("Audit events and notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The checks register themselves, and the task at queues whose workers must know it beforehand.
        # So do the digests that the library brings, what follows a changed preference, and what a sweep does
        # first.
        from notifyaudit import checks, tasks, watching  # noqa: F401, PLC0415 - needs the models loaded
        from notifyaudit.sources import calls, configured  # noqa: F401, PLC0415

        autodiscover_modules("actions", "emails")
        watching.watch_connections()
        configured.connect()
