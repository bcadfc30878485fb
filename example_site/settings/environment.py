"""Settings that come from environment variables, in the shape Django wants them."""

import os
from typing import Any

import dj_database_url
import django
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


def smtp(
    *, host: str, port: int, username: str = "", password: str = "", use_tls: bool = False
) -> dict[str, Any]:
    """The settings for sending through one SMTP server: ``MAILERS`` where Django has it, else ``EMAIL_*``."""
    backend = "django.core.mail.backends.smtp.EmailBackend"
    options = {"host": host, "port": port, "timeout": 10}
    if username:
        options |= {"username": username, "password": password}
    if use_tls:
        options |= {"use_tls": True}
    if django.VERSION >= (6, 1):
        return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    names = {"username": "EMAIL_HOST_USER", "password": "EMAIL_HOST_PASSWORD"}
    return {
        "EMAIL_BACKEND": backend,
        **{names.get(option, f"EMAIL_{option.upper()}"): value for option, value in options.items()},
    }
