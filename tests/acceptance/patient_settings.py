"""The example site's local settings with times that suit tests, which hold replies and wait for leases."""

import os
from datetime import timedelta

import django

from example_site.settings import local
from example_site.settings.local import *  # noqa: F403

SMTP_SECONDS = 300

if django.VERSION >= (6, 1):
    MAILERS = {"default": local.MAILERS["default"] | {"OPTIONS": local.MAILERS["default"]["OPTIONS"]}}
    MAILERS["default"]["OPTIONS"]["timeout"] = SMTP_SECONDS
else:
    EMAIL_TIMEOUT = SMTP_SECONDS

NOTIFYAUDIT = local.NOTIFYAUDIT | {"LEASE": timedelta(seconds=float(os.environ.get("LEASE_SECONDS", "300")))}
