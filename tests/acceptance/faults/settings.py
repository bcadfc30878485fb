"""A production-like project: a task queue in the database, real SMTP, and a lease of seconds."""

import os
from datetime import timedelta
from pathlib import Path

import django

from example_site.settings.environment import SQLITE_OPTIONS
from example_site.settings.mail import smtp
from tests.settings import DATABASE, DATABASE_UNAVAILABLE, DATABASES  # noqa: F401

SECRET_KEY = "only for a test run"
DEBUG = False
USE_TZ = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    *(["django_tasks"] if django.VERSION < (6, 0) else []),
    "django_tasks_db",
    "notifyaudit",
    "tests.acceptance.faults.deeds",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_FROM_EMAIL = "deeds@site.example"

DIRECTORY = Path(os.environ.get("FAULTS_DIRECTORY", "var/faults"))
DATABASES["default"]["TEST"] = DATABASES["default"].get("TEST", {}) | {
    "NAME": str(DIRECTORY / "ledger.sqlite3")
    if DATABASE == "sqlite"
    # A run has a database of its own, so that several can run at the same time.
    else f"test_notifyaudit_faults_{os.environ.get('FAULTS_RUN', '0')}"
}
if "FAULTS_DATABASE_NAME" in os.environ:
    DATABASES["default"]["NAME"] = os.environ["FAULTS_DATABASE_NAME"]
if DATABASE == "sqlite":
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS

globals().update(smtp(host="127.0.0.1", port=int(os.environ.get("FAULTS_SMTP_PORT", "25"))))

NOTIFYAUDIT = {
    "BASE_URL": "https://site.example",
    "LEASE": timedelta(seconds=float(os.environ.get("FAULTS_LEASE", "3"))),
    "UNCERTAIN_POLICY": os.environ.get("FAULTS_UNCERTAIN_POLICY", "resend"),
    **{
        name: int(os.environ[f"FAULTS_{name}"])
        for name in ("MAX_IN_FLIGHT", "CONNECTIONS")
        if f"FAULTS_{name}" in os.environ
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {process} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
