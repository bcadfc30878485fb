"""The patient settings without any wake-up, and with Celery beat, which has the sweep run."""

import os

from tests.acceptance import patient_settings
from tests.acceptance.patient_settings import *  # noqa: F403

INSTALLED_APPS = [*patient_settings.INSTALLED_APPS, "tests.acceptance.beating"]
NOTIFYAUDIT = patient_settings.NOTIFYAUDIT | {"WAKE_UP": "never"}

CELERY_BROKER_URL = f"amqp://guest:guest@127.0.0.1:{os.environ.get('BROKER_PORT', '0')}//"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = os.environ.get("BROKER_NAME", "")
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BEAT_SCHEDULE = {
    "send-audited-mails": {"task": "tests.acceptance.beating.tasks.send_audited_mails", "schedule": 1.0},
}
