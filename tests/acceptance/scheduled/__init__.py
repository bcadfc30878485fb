"""An app whose one task is on django-crontask's schedule."""
