"""The settings of the queues with django-guid, as docs/how-to/correlation-ids.md has it."""

from tests.acceptance import queue_settings
from tests.acceptance.queue_settings import *  # noqa: F403

INSTALLED_APPS = [*queue_settings.INSTALLED_APPS, "django_guid"]
MIDDLEWARE = ["django_guid.middleware.guid_middleware", *queue_settings.MIDDLEWARE]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"correlation_id": {"()": "django_guid.log_filters.CorrelationId"}},
    "formatters": {"correlated": {"format": "{asctime} [{correlation_id}] {name} {message}", "style": "{"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "correlated",
            "filters": ["correlation_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
}

if queue_settings.QUEUE == "celery":
    from django_guid.integrations.celery import CeleryIntegration

    DJANGO_GUID = {"INTEGRATIONS": [CeleryIntegration(use_django_logging=True)]}
