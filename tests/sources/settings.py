"""The tests' settings with every audit package installed: ``--ds=tests.sources.settings``."""

from tests.settings import *  # noqa: F403
from tests.settings import DATABASE, INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "simple_history",
    "auditlog",
    "reversion",
    "field_history",
    # Their triggers are PostgreSQL's.
    *(["pgtrigger", "pghistory"] if DATABASE == "postgres" else []),
    "tests.sources.upstream",
    # What only PostgreSQL can have has migrations of its own.
    *(["tests.sources.triggers"] if DATABASE == "postgres" else []),
]

MIDDLEWARE = [
    *MIDDLEWARE,
    "simple_history.middleware.HistoryRequestMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "field_history.middleware.FieldHistoryMiddleware",
]

ROOT_URLCONF = "tests.sources.upstream.urls"

# On MariaDB django-field-history's default column for primary keys has no index.
SILENCED_SYSTEM_CHECKS = ["fields.W162"]
