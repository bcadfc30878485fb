"""For a public server: everything from the environment, nothing guessed."""

import os

from example_site.settings.base import *  # noqa: F403
from example_site.settings.base import DEFAULT_FROM_EMAIL
from example_site.settings.environment import database, required
from example_site.settings.mail import smtp

DEBUG = False
SECRET_KEY = required("SECRET_KEY")
ALLOWED_HOSTS = [host.strip() for host in required("ALLOWED_HOSTS").split(",")]
DATABASES = {"default": database(required("DATABASE_URL"))}

BASE_URL = required("BASE_URL")
NOTIFYAUDIT = {"BASE_URL": BASE_URL}

DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", DEFAULT_FROM_EMAIL)
SERVER_EMAIL = DEFAULT_FROM_EMAIL
globals().update(
    smtp(
        host=os.environ.get("SMTP_HOST", "127.0.0.1"),
        port=int(os.environ.get("SMTP_PORT", "25")),
        username=os.environ.get("SMTP_USERNAME", ""),
        password=os.environ.get("SMTP_PASSWORD", ""),
        use_tls=os.environ.get("SMTP_USE_TLS", "") == "1",
    )
)

CSRF_TRUSTED_ORIGINS = [BASE_URL]
CSRF_COOKIE_SECURE = True
SESSION_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = True
# The proxy in front must set this header itself and drop a client's.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
