"""The tests' settings with every audit package installed: ``--ds=tests.sources.settings``."""

from tests.settings import *  # noqa: F403
from tests.settings import DATABASE, DATABASES, INSTALLED_APPS, MIDDLEWARE, NOTIFYAUDIT
from tests.sources.triggers.mappings import SOURCES

if DATABASE != "sqlite":
    # `make test` runs these beside the others.
    DATABASES["default"]["TEST"]["NAME"] += "_sources"

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "simple_history",
    "auditlog",
    "reversion",
    "field_history",
    # Their triggers are PostgreSQL's.
    *(["django.contrib.postgres", "pgtrigger", "pghistory"] if DATABASE == "postgres" else []),
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


def mapping(model, *, deletions=True):
    """Each source's own model, and the same actions for all."""
    seen = {
        "created": "upstream.scheduled",
        "status=completed": "upstream.completed",
        "price": "upstream.repriced",
        "updated": "upstream.edited",
        "deleted": "upstream.removed",
    }
    return {f"{model}.{what}": action for what, action in seen.items() if deletions or what != "deleted"}


NOTIFYAUDIT = {
    **NOTIFYAUDIT,
    "SOURCES": {
        "notifyaudit.sources.simple_history.SimpleHistory": mapping("upstream.HistoricInspection"),
        "notifyaudit.sources.auditlog.Auditlog": mapping("upstream.LoggedInspection"),
        "notifyaudit.sources.reversion.Reversion": mapping("upstream.VersionedInspection", deletions=False),
        "notifyaudit.sources.field_history.FieldHistory": mapping(
            "upstream.TrackedInspection", deletions=False
        ),
        # Their triggers are PostgreSQL's, in the migrations of tests.sources.triggers.
        **(SOURCES if DATABASE == "postgres" else {}),
    },
}

ROOT_URLCONF = "tests.sources.upstream.urls"

# On MariaDB django-field-history's default column for primary keys has no index.
SILENCED_SYSTEM_CHECKS = ["fields.W162"]
