"""The actions that a project declares, and what its models say of themselves."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register

from notifyaudit.actions import SubscriptionAction, known
from notifyaudit.patterns import is_own


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
