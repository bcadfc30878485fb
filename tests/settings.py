"""The settings of the test runs: the example site, a small app for edge cases, and a database by choice."""

import os
import zlib

import django

from example_site.settings.base import *  # noqa: F403
from example_site.settings.base import BASE_DIR, INSTALLED_APPS

SECRET_KEY = "only for tests, and there is nothing to protect"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.testapp"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
NOTIFYAUDIT = {"BASE_URL": "https://site.example"}

if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

DATABASE = os.environ.get("NOTIFYAUDIT_TEST_DB", "sqlite")
if DATABASE == "sqlite":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
    }
elif DATABASE == "postgres":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "test",
            "USER": os.environ.get("PGUSER", "postgres"),
            "HOST": os.environ.get("PGHOST", "127.0.0.1"),
            "PORT": os.environ.get("PGPORT", "5432"),
        }
    }
else:
    raise ValueError(f"NOTIFYAUDIT_TEST_DB must be 'sqlite' or 'postgres', not {DATABASE!r}")

if DATABASE != "sqlite":
    # One per checkout, so that the tests of two of them can run at the same time.
    DATABASES["default"]["TEST"] = {"NAME": f"test_notifyaudit_{zlib.crc32(str(BASE_DIR).encode()):08x}"}
