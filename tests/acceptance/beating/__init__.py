"""An app whose one task is on the schedule of Celery beat."""
