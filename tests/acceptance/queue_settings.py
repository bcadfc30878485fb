"""The patient settings, with the task queue and the broker that environment variables name."""

import os

from tests.acceptance import patient_settings
from tests.acceptance.patient_settings import *  # noqa: F403

QUEUE = os.environ.get("QUEUE", "db")
BROKER_PORT = int(os.environ.get("BROKER_PORT", "0"))
# Redis calls it a database and takes a number.
BROKER_NAME = os.environ.get("BROKER_NAME", "")
# How long a client of the broker waits for an answer.
BROKER_SECONDS = float(os.environ.get("BROKER_SECONDS", "5"))

if QUEUE == "none":
    NOTIFYAUDIT = patient_settings.NOTIFYAUDIT | {"WAKE_UP": "never"}

elif QUEUE == "rq":
    INSTALLED_APPS = [*patient_settings.INSTALLED_APPS, "django_rq", "django_tasks_rq"]
    TASKS = {"default": {"BACKEND": "django_tasks_rq.RQBackend", "QUEUES": ["default"]}}
    RQ_QUEUES = {
        "default": {
            "HOST": "127.0.0.1",
            "PORT": BROKER_PORT,
            "DB": int(BROKER_NAME),
            "DEFAULT_TIMEOUT": -1,
            "REDIS_CLIENT_KWARGS": {
                "socket_connect_timeout": BROKER_SECONDS,
                "socket_timeout": BROKER_SECONDS,
            },
        }
    }

elif QUEUE == "celery":
    TASKS = {
        "default": {
            "BACKEND": "django_tasks_celery.CeleryBackend",
            "OPTIONS": {"CELERY_APP": "tests.acceptance.celery_app.app"},
        }
    }
    CELERY_BROKER_URL = f"amqp://guest:guest@127.0.0.1:{BROKER_PORT}//"
    CELERY_BROKER_CONNECTION_TIMEOUT = BROKER_SECONDS
    CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
    CELERY_TASK_DEFAULT_QUEUE = BROKER_NAME
    CELERY_TASK_IGNORE_RESULT = True
    # It would leave an exchange behind in the broker.
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
