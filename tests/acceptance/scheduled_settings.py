"""The patient settings without any wake-up, and with django-crontask, which has the sweep run."""

import os

from tests.acceptance import patient_settings
from tests.acceptance.patient_settings import *  # noqa: F403

INSTALLED_APPS = [*patient_settings.INSTALLED_APPS, "crontask", "tests.acceptance.scheduled"]
NOTIFYAUDIT = patient_settings.NOTIFYAUDIT | {"WAKE_UP": "never"}

if os.environ.get("QUEUE") == "immediate":
    TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
