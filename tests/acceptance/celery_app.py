"""The Celery application of the processes that these tests start."""

from celery import Celery

app = Celery("acceptance")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
