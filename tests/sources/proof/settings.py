"""A small project on PostgreSQL: tables that triggers see, writers' own notes, and a sweep."""

import os

import django

from tests.settings import DATABASES

SECRET_KEY = "only for a test run"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    *(["django_tasks"] if django.VERSION < (6, 0) else []),
    "pgtrigger",
    "pghistory",
    "notifyaudit",
    "tests.sources.proof.deeds",
]

DATABASES["default"]["TEST"] = {"NAME": f"test_notifyaudit_proof_{os.environ.get('PROOF_RUN', '0')}"}
if "PROOF_DATABASE" in os.environ:
    DATABASES["default"]["NAME"] = os.environ["PROOF_DATABASE"]
if "PROOF_NAME" in os.environ:
    DATABASES["default"]["OPTIONS"] = {"application_name": os.environ["PROOF_NAME"]}

NOTIFYAUDIT = {
    "BASE_URL": "https://site.example",
    "WAKE_UP": "never",
    "SOURCES": {
        path: {f"deeds.{model}.{what}": f"deed.{what}" for what in ("created", "updated", "deleted")}
        for path, model in {
            "notifyaudit.sources.pghistory.PgHistory": "Evented",
            "notifyaudit.sources.tables.Tables": "Audited",
        }.items()
    },
}
