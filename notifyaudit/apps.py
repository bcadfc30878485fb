"""Wires the library into a Django project."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from notifyaudit import intake, sightfunction


class NotifyAuditConfig(AppConfig):
    """
    Discovers each app's ``actions.py`` and ``emails.py``, registers the checks, watches audited models,
    connects the sources and makes what they need in the database.
    """

    name = "notifyaudit"
    verbose_name = _("Audit events and notifications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The checks register themselves, and the task at queues whose workers must know it beforehand.
        # So do the digests that the library brings, and what follows a changed preference.
        from notifyaudit import checks, handover, tasks, watching  # noqa: F401, PLC0415 - needs the models loaded
        from notifyaudit.sources import calls, configured, sightings  # noqa: PLC0415

        autodiscover_modules("actions", "emails")
        watching.watch_connections()
        handover.follow_connections()
        intake.register("receivers called", calls.run_due)
        intake.register("sightings taken up", sightings.take_up)
        configured.connect()
        post_migrate.connect(sightfunction.install_if_missing, sender=self)
