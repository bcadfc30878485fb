"""For a developer's machine: SQLite and an SMTP server on this host. Never for a public one."""

import os

from example_site.settings.base import *  # noqa: F403
from example_site.settings.base import VAR_DIR
from example_site.settings.environment import database
from example_site.settings.mail import smtp

DEBUG = True
SECRET_KEY = "local-only-and-public-therefore-worthless"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]

VAR_DIR.mkdir(exist_ok=True)
DATABASES = {
    "default": database(os.environ.get("DATABASE_URL") or f"sqlite:///{VAR_DIR / 'site.sqlite3'}"),
}

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8000")
NOTIFYAUDIT = {"BASE_URL": BASE_URL}

globals().update(
    smtp(host=os.environ.get("SMTP_HOST", "127.0.0.1"), port=int(os.environ.get("SMTP_PORT", "8025")))
)
