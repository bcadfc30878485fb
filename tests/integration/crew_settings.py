"""Of processes that work on the database of a test which has started them."""

import os
from datetime import timedelta

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, NOTIFYAUDIT

DATABASES["default"]["NAME"] = os.environ["CREW_DATABASE"]
NOTIFYAUDIT = {
    **NOTIFYAUDIT,
    "WAKE_UP": "never",
    "LEASE": timedelta(seconds=float(os.environ["CREW_LEASE"])),
}
LOGGING_CONFIG = None
