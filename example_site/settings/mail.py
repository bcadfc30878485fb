"""Sending through one SMTP server, in the words of the installed Django."""

from typing import Any

import django


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
