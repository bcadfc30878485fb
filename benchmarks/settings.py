"""The test settings, with an SQLite file in the place of memory, and the bare models to compare with."""

from typing import Any

from tests.settings import *  # noqa: F403
from tests.settings import BASE_DIR, DATABASE, DATABASES, INSTALLED_APPS, NOTIFYAUDIT

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.bare"]
if DATABASE == "postgres":
    INSTALLED_APPS += ["pgtrigger", "pghistory", "benchmarks.triggered"]
    globals()["NOTIFYAUDIT"] = {
        **NOTIFYAUDIT,
        "SOURCES": {
            "notifyaudit.sources.pghistory.PgHistory": {"triggered.Relayed.updated": "sheet.edited"},
            "notifyaudit.sources.tables.Tables": {
                "triggered.Audited.created": "sheet.edited",
                "triggered.Audited.updated": "sheet.edited",
            },
        },
    }
LOGGING = {"version": 1, "disable_existing_loggers": True}

if DATABASE == "sqlite":
    (BASE_DIR / "var").mkdir(exist_ok=True)
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "var" / "benchmark.sqlite3"}
else:
    # Not that of the tests, which may run at the same time.
    test: Any = DATABASES["default"]["TEST"]
    test["NAME"] += "_benchmark"
