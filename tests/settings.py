"""The settings of the test runs: the example site, a small app for edge cases, and a database by choice."""

import os
import zlib
from importlib import import_module

import django

from example_site.settings.base import *  # noqa: F403
from example_site.settings.base import BASE_DIR, INSTALLED_APPS

# Why the tests cannot run on the chosen database; tests/conftest.py skips them for it.
DATABASE_UNAVAILABLE = ""

SECRET_KEY = "only for tests, and there is nothing to protect"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.testapp", "django_guid", "waffle"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
NOTIFYAUDIT = {"BASE_URL": "https://site.example"}

if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

DATABASE = os.environ.get("NOTIFYAUDIT_TEST_DB", "sqlite")
if DATABASE == "mariadb":
    try:
        import_module("MySQLdb")
    except ImportError:
        DATABASE_UNAVAILABLE = "the driver mysqlclient is not installed"

if DATABASE == "sqlite" or DATABASE_UNAVAILABLE:
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
            "NAME": os.environ.get("PGDATABASE", "test"),
            "USER": os.environ.get("PGUSER", "postgres"),
            "HOST": os.environ.get("PGHOST", "127.0.0.1"),
            "PORT": os.environ.get("PGPORT", "5432"),
        }
    }
elif DATABASE == "mariadb":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.mysql",
            "NAME": os.environ.get("MYSQL_DATABASE", "test"),
            "USER": os.environ.get("MYSQL_USER", "root"),
            "PASSWORD": os.environ.get("MYSQL_PWD", ""),
            "HOST": os.environ.get("MYSQL_HOST", "127.0.0.1"),
            "PORT": os.environ.get("MYSQL_TCP_PORT", "3306"),
            "TEST": {"CHARSET": "utf8mb4"},
        }
    }
else:
    raise ValueError(f"NOTIFYAUDIT_TEST_DB must be 'sqlite', 'postgres' or 'mariadb', not {DATABASE!r}")

if DATABASE != "sqlite":
    # One per checkout, so that the tests of two of them can run at the same time.
    name = f"test_notifyaudit_{zlib.crc32(str(BASE_DIR).encode()):08x}"
    DATABASES["default"].setdefault("TEST", {})["NAME"] = name
