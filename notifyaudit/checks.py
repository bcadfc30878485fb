"""What can be told at start: the mistakes in settings, actions and email classes, each with its mend."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any
from zoneinfo import available_timezones

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.template import TemplateDoesNotExist, TemplateSyntaxError

from notifyaudit import compat, conf
from notifyaudit.actions import SubscriptionAction, known
from notifyaudit.addresses import mailbox
from notifyaudit.emails import AuditEmail
from notifyaudit.exceptions import ConfigurationError, InvalidAddress
from notifyaudit.links import has_page
from notifyaudit.patterns import is_own, matches
from notifyaudit.registry import emails
from notifyaudit.rendering import compile_line, template_of


@register("notifyaudit")
def check_settings(**_: Any) -> list[CheckMessage]:
    """E001, E002, E009 to E011, W001 to W003: the dict NOTIFYAUDIT, what it refers to, and the sender."""
    try:
        settings = conf.current()
    except ConfigurationError as error:
        return [Error(str(error), hint="See docs/reference/settings.md.", id="notifyaudit.E001")]
    found: list[CheckMessage] = []
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


@register("notifyaudit")
def check_actions(**_: Any) -> list[CheckMessage]:
    """E003, E012: each action is declared once, and by a name that is not the library's."""
    return [*_check_names(), *_check_foreign_names()]


def _check_foreign_names() -> Iterator[CheckMessage]:
    for member in known.members():
        if is_own(member.value) and not isinstance(member, SubscriptionAction):
            yield Error(
                f"The action {member.value!r} begins as the library's own do, which '*' does not mean.",
                hint="Call it after a thing of the project: '<thing>.<verb>'.",
                obj=type(member),
                id="notifyaudit.E012",
            )


def _check_names() -> list[CheckMessage]:
    return [
        Error(
            f"The action {value!r} is declared {count} times.",
            hint="Keep one of them; an action means the same everywhere.",
            id="notifyaudit.E003",
        )
        for value, count in Counter(known.values()).items()
        if count > 1
    ]


@register("notifyaudit")
def check_emails(**_: Any) -> list[CheckMessage]:
    """E004 to E007, W004, W005: what the email classes say, and where their readers' links lead."""
    found = [*_check_keys(), *_check_urls()]
    for email_class in emails:
        found += _check_email_actions(email_class)
        found += _check_subject(email_class)
        found += _check_templates(email_class)
        found += _check_permission(email_class)
    return found


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


@register(Tags.models)
def check_parents(**_: Any) -> list[CheckMessage]:
    """E008: what a model names as its parent is there."""
    return [
        Error(
            f"{model._meta.label}.notifyaudit_parent is {parent!r}, which the model does not have.",
            hint="Name the attribute, mostly a foreign key, that leads to the parent.",
            obj=model,
            id="notifyaudit.E008",
        )
        for model in apps.get_models()
        if (parent := getattr(model, "notifyaudit_parent", None)) and not hasattr(model, parent)
    ]


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


def _check_keys() -> Iterator[CheckMessage]:
    classes = defaultdict(list)
    for email_class in emails:
        classes[email_class.key].append(email_class)
    for key, sharing in classes.items():
        if len(sharing) > 1:
            yield Error(
                f"The email key {key!r} is shared by {', '.join(map(_path, sharing))}.",
                hint="Give each class a 'key' of its own; the ledger knows mails by it.",
                obj=sharing[-1],
                id="notifyaudit.E004",
            )


def _check_urls() -> Iterator[CheckMessage]:
    if has_page("notifyaudit:unsubscribe") or all(each.mandatory or each.collects for each in emails):
        return
    yield checks.Warning(
        "notifyaudit.urls is not included, so nobody can unsubscribe from mails that are not mandatory.",
        hint='Add path("notifyaudit/", include("notifyaudit.urls")) to the URL patterns, and '
        "{{ unsubscribe_url }} to the templates of mails.",
        id="notifyaudit.W004",
    )


def _check_email_actions(email_class: type[AuditEmail]) -> Iterator[CheckMessage]:
    values = known.values()
    for action in map(str, email_class.actions):
        if not any(matches(value, action) for value in values):
            nearest = get_close_matches(action, values, n=1)
            yield Error(
                f"{_path(email_class)}: no Action class declares {action!r}.",
                hint=f"Did you mean {nearest[0]!r}?" if nearest else "Declare it in an app's actions.py.",
                obj=email_class,
                id="notifyaudit.E005",
            )


def _check_subject(email_class: type[AuditEmail]) -> Iterator[CheckMessage]:
    if email_class.subject:
        try:
            compile_line(str(email_class.subject))
        except TemplateSyntaxError as error:
            yield Error(
                f"{_path(email_class)}: its subject does not compile: {error}",
                hint="The subject is a one-line Django template.",
                obj=email_class,
                id="notifyaudit.E006",
            )
    elif email_class.get_subject is AuditEmail.get_subject:
        yield Error(
            f"{_path(email_class)} has no subject.",
            hint="Set 'subject', a one-line template such as '{{ target }} was completed'.",
            obj=email_class,
            id="notifyaudit.E006",
        )


def _check_templates(email_class: type[AuditEmail]) -> Iterator[CheckMessage]:
    if not email_class.template_name and email_class.build is AuditEmail.build:
        yield Error(
            f"{_path(email_class)} has no template.",
            hint="Set 'template_name' to an HTML template of any configured engine.",
            obj=email_class,
            id="notifyaudit.E007",
        )
    for name in (email_class.template_name, email_class.template_txt_name):
        if not name:
            continue
        try:
            template_of(name)
        except TemplateDoesNotExist:
            problem, hint = "does not exist", "Create it, or mend the name, in a directory of TEMPLATES."
        except TemplateSyntaxError as error:
            problem, hint = f"does not compile: {error}", "Mend the template."
        else:
            continue
        yield Error(
            f"{_path(email_class)}: the template {name!r} {problem}.",
            hint=hint,
            obj=email_class,
            id="notifyaudit.E007",
        )


def _check_permission(email_class: type[AuditEmail]) -> Iterator[CheckMessage]:
    if email_class.permission is None:
        return
    declared = {
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in (
            *(get_permission_codename(action, model._meta) for action in model._meta.default_permissions),
            *(codename for codename, _ in model._meta.permissions),
        )
    }
    if email_class.permission not in declared:
        nearest = get_close_matches(email_class.permission, declared, n=1)
        yield checks.Warning(
            f"{_path(email_class)}: no model declares the permission {email_class.permission!r}.",
            hint=f"Did you mean {nearest[0]!r}?"
            if nearest
            else "If your code creates it, silence this check; else nobody is told.",
            obj=email_class,
            id="notifyaudit.W005",
        )


def _path(email_class: type[AuditEmail]) -> str:
    return f"{email_class.__module__}.{email_class.__qualname__}"
