"""The email classes: what they declare, whether they can be made, and whom they may tell."""

import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.template import TemplateSyntaxError
from django.utils.functional import Promise

from notifyaudit.actions import known
from notifyaudit.checks.templates import faults_of
from notifyaudit.digests import DigestEmail
from notifyaudit.emails import AuditEmail
from notifyaudit.links import has_page
from notifyaudit.patterns import matches
from notifyaudit.registry import emails
from notifyaudit.rendering import compile_line
from notifyaudit.samples import READER
from notifyaudit.text import named


@register("notifyaudit")
def check_emails(**_: Any) -> list[CheckMessage]:
    """E004 to E007, E013, W004, W005, W007: what email classes say, and where their readers' links lead."""
    found = [*_check_keys(), *_check_urls()]
    permissions = _declared_permissions()
    for email_class in emails:
        found += _check_email_actions(email_class)
        found += _check_subject(email_class)
        found += _check_templates(email_class)
        found += _check_making(email_class)
        found += _check_permission(email_class, permissions)
    for email_class in emails.declared():
        found += _check_names(email_class)
    return found


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
        for fault in faults_of(name) if name else ():
            yield Error(
                f"{_path(email_class)}: {fault.text}", hint=fault.hint, obj=email_class, id="notifyaudit.E007"
            )


def _check_making(email_class: type[AuditEmail]) -> Iterator[CheckMessage]:
    try:
        email_class(recipient_email_list=[READER])
    except Exception as error:  # noqa: BLE001 - a project's own code, whose error is what we are to report
        yield Error(
            f"{_path(email_class)} cannot be instantiated: {named(error)}",
            hint="The library makes it with recipient_email_list=[address] alone: give each other "
            "argument of __init__() a default, and implement what is abstract.",
            obj=email_class,
            id="notifyaudit.E013",
        )


def _check_names(email_class: type[AuditEmail]) -> Iterator[CheckMessage]:
    """Attributes that nobody reads, since another one was meant."""
    attributes = _attributes()
    annotated: Mapping[str, Any] = {}
    with suppress(NameError):  # of what is only imported for a type checker
        annotated = inspect.get_annotations(email_class)
    for name, value in vars(email_class).items():
        # Whoever annotates a new attribute means it.
        if name.startswith("_") or name in annotated or hasattr(DigestEmail, name):
            continue
        meant = next(iter(get_close_matches(name.lower(), map(str.lower, attributes), 1, _VERY_NEAR)), "")
        right = next((each for each in attributes if each.lower() == meant), "")
        if right and right not in vars(email_class) and _could_be(value, attributes[right]):
            yield checks.Warning(
                f"{_path(email_class)}.{name} is nothing that an email class has.",
                hint=f"Did you mean {right!r}? If it is your own, annotate it.",
                obj=email_class,
                id="notifyaudit.W007",
            )


_VERY_NEAR = 0.82
"""As ``template_txt`` is to ``template_txt_name``."""

_OF_INSTANCES = {"event", "events", "message_id", "preference", "reason", "recipient", "told_by", "watched"}


def _attributes() -> dict[str, Any]:
    """What a class may set, with its default."""
    found: dict[str, Any] = {"digest_class": DigestEmail}
    for name in dir(DigestEmail):
        value = inspect.getattr_static(DigestEmail, name)
        is_data = not callable(value) and not isinstance(value, property | cached_property | classmethod)
        if is_data and not name.startswith("_") and name not in _OF_INSTANCES:
            found[name] = value
    return found


def _could_be(value: Any, default: Any) -> bool:
    """Whether a value may have been meant for the attribute that has this default."""
    if isinstance(default, str | Promise | None):
        return not callable(value) and not isinstance(value, property | cached_property | classmethod)
    if isinstance(default, list | tuple):
        return isinstance(value, str | list | tuple)
    return isinstance(value, type(default))


def _declared_permissions() -> set[str]:
    return {
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in (
            *(get_permission_codename(action, model._meta) for action in model._meta.default_permissions),
            *(codename for codename, _ in model._meta.permissions),
        )
    }


def _check_permission(email_class: type[AuditEmail], declared: set[str]) -> Iterator[CheckMessage]:
    permission = email_class.permission
    if permission is None or permission in declared:
        return
    nearest = get_close_matches(permission, declared, n=1)
    # No error: a permission may be a row that the project's code creates.
    yield checks.Warning(
        f"{_path(email_class)}: no model declares the permission {permission!r}, so nobody may have it, and "
        "nobody is told.",
        hint=f"Did you mean {nearest[0]!r}?"
        if nearest
        else "Declare it in a model's Meta.permissions; if your code creates it, silence this check.",
        obj=email_class,
        id="notifyaudit.W005",
    )


def _path(email_class: type[AuditEmail]) -> str:
    return f"{email_class.__module__}.{email_class.__qualname__}"
