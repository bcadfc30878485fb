"""The settings, what they refer to, and the machine."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth import get_user_model
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import FieldError
from django.db import connections

from notifyaudit import compat, conf
from notifyaudit.addresses import mailbox
from notifyaudit.exceptions import ConfigurationError, InvalidAddress


@register("notifyaudit")
def check_settings(**_: Any) -> list[CheckMessage]:
    """E001, E002, E009 to E011, W001 to W003: the dict NOTIFYAUDIT, what it refers to, and the sender."""
    try:
        settings = conf.current()
    except ConfigurationError as error:
        return [Error(str(error), hint="See docs/reference/settings.md.", id="notifyaudit.E001")]
    found: list[CheckMessage] = [*_check_functions()]
    if settings.DATABASE not in connections:
        found.append(
            Error(
                f"NOTIFYAUDIT['DATABASE'] is {settings.DATABASE!r}, which DATABASES does not have.",
                hint=f"Use one of {', '.join(map(repr, connections))}.",
                id="notifyaudit.E002",
            )
        )
    if not settings.BASE_URL and not conf.has_site():
        found.append(
            checks.Warning(
                "NOTIFYAUDIT['BASE_URL'] is not set, so links in mails lead nowhere.",
                hint="Set it to where the site is reached, such as 'https://www.example.com', or install "
                "django.contrib.sites and set SITE_ID.",
                id="notifyaudit.W001",
            )
        )
    try:
        mailbox(conf.default_from_email())
    except InvalidAddress as error:
        found.append(
            Error(
                f"DEFAULT_FROM_EMAIL: {error}",
                hint="Write one address, or a name and one: 'Site <no-reply@example.com>'.",
                id="notifyaudit.E011",
            )
        )
    if settings.REDIRECT_ALL_TO and settings.ALLOWED_RECIPIENTS:
        found.append(
            checks.Warning(
                "NOTIFYAUDIT['ALLOWED_RECIPIENTS'] has no effect: REDIRECT_ALL_TO takes every mail.",
                hint="Remove one of them.",
                id="notifyaudit.W003",
            )
        )
    if settings.WAKE_UP != "never":
        found += _check_task_backend(settings)
    return found


def _check_functions() -> Iterator[CheckMessage]:
    for name in ("RECIPIENT_LANGUAGE", "RECIPIENT_TIMEZONE"):
        try:
            conf.function(name)
        except ConfigurationError as error:
            yield Error(
                str(error),
                hint="Name a function that takes a user: 'project.readers.language_of'.",
                id="notifyaudit.E001",
            )
    related = conf.current().RECIPIENT_SELECT_RELATED
    if not related:
        return
    try:
        str(get_user_model()._base_manager.select_related(*related).query)
    except FieldError as error:
        yield Error(
            f"NOTIFYAUDIT['RECIPIENT_SELECT_RELATED']: {error}",
            hint="Name foreign keys and one-to-one relations of the user model, such as 'profile'.",
            id="notifyaudit.E001",
        )


def _check_task_backend(settings: conf.Settings) -> Iterator[CheckMessage]:
    if "default" not in compat.task_backends:
        yield Error(
            "TASKS has no 'default' backend, so no wake-up can be enqueued.",
            hint="Configure one, or set NOTIFYAUDIT['WAKE_UP'] to 'never' and run "
            "'manage.py notifyaudit sweep --loop 5'.",
            id="notifyaudit.E009",
        )
        return
    if isinstance(compat.task_backends["default"], compat.ImmediateBackend):
        yield checks.Warning(
            "The default task backend runs tasks at once, so whoever saves waits for the mail server.",
            hint="Configure TASKS with a queue such as django_tasks_db.DatabaseBackend, or set "
            "NOTIFYAUDIT['WAKE_UP'] to 'never' and run 'manage.py notifyaudit sweep --loop 5'.",
            id="notifyaudit.W002",
        )
    if settings.WAKE_UP == "transaction" and compat.tasks_database() != settings.DATABASE:
        yield Error(
            "NOTIFYAUDIT['WAKE_UP'] is 'transaction', but the default task backend does not keep its tasks "
            f"in the ledger's database {settings.DATABASE!r}.",
            hint="Set it to 'on_commit', or use django_tasks_db.DatabaseBackend and have DATABASE_ROUTERS "
            f"send writes of its model to {settings.DATABASE!r}.",
            id="notifyaudit.E010",
        )


@register("notifyaudit")
def check_time_zones(**_: Any) -> list[CheckMessage]:
    """W006: digests close by the clock of their readers."""
    if available_timezones():
        return []
    return [
        checks.Warning(
            "This machine knows no time zones, so all digests close by UTC.",
            hint="Install the tzdata package, of the system or from the package index.",
            id="notifyaudit.W006",
        )
    ]
