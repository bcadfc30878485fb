"""Settings that come from environment variables, in the shape Django wants them."""

import os
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

# A web process and a worker share the file. IMMEDIATE takes the write lock when a transaction begins,
# where waiting helps; a lock taken half-way fails at once, however long the timeout is.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL;",
}


def required(name: str) -> str:
    """
    The value of an environment variable.

    Raises:
        ImproperlyConfigured: if it is missing or empty.
    """
    if value := os.environ.get(name, "").strip():
        return value
    raise ImproperlyConfigured(f"Set the environment variable {name}.")


def database(url: str) -> dict[str, Any]:
    """One entry of ``DATABASES``."""
    config: dict[str, Any] = {**dj_database_url.parse(url)}
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = {**config.get("OPTIONS", {}), **SQLITE_OPTIONS}
    return config
