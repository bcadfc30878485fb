"""Which events a question is about."""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from django.contrib.auth import get_user_model
from django.db.models import Model

from notifyaudit import patterns
from notifyaudit.identity import id_of, type_of
from notifyaudit.models import AuditEvent
from notifyaudit.testing.criteria import is_predicate
from notifyaudit.testing.wanted import check_action, check_row
from notifyaudit.values import to_json


class EventCriteria(TypedDict, total=False):
    """What can be asked of an event. Each is a value or a predicate; of mappings the named keys count."""

    target: Any
    actor: Any
    changes: Any
    data: Any


def check(action: Any, criteria: Mapping[str, Any]) -> None:
    """
    So that a slip is not an answer.

    Args:
        action: an action, a pattern (``"inspection.*"``), or ``None``.
        criteria: see :class:`EventCriteria`.

    Raises:
        TypeError: if there is no such criterion, or one is of the wrong type.
        ValueError: if no event could ever meet one.
    """
    __tracebackhide__ = True
    if action is not None:
        if not isinstance(action, str):
            raise TypeError(f"recorded() takes an action, or a pattern like 'inspection.*', not {action!r}.")
        check_action("recorded", str(action))
    for name, wanted in criteria.items():
        if name not in _TAKES:
            raise TypeError(f"recorded() knows no {name!r}; known are {', '.join(_TAKES)}.")
        takes, is_value = _TAKES[name]
        if is_predicate(wanted):
            continue
        if not is_value(wanted):
            raise TypeError(f"recorded() takes as {name} {takes}, or a predicate; not {wanted!r}.")
        if isinstance(wanted, Model):
            check_row("recorded", name, wanted)


_TAKES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "target": ("a model instance or None", lambda wanted: wanted is None or isinstance(wanted, Model)),
    "actor": ("a user or None", lambda wanted: wanted is None or isinstance(wanted, get_user_model())),
    "changes": ("a mapping of fields to (old, new)", lambda wanted: isinstance(wanted, Mapping)),
    "data": ("a mapping", lambda wanted: isinstance(wanted, Mapping)),
}


def matches(event: AuditEvent, action: str | None, criteria: Mapping[str, Any]) -> bool:
    """Whether an event is meant, by what :func:`check` has let pass."""
    if action is not None and not patterns.matches(event.action, str(action)):
        return False
    return all(_meets(event, name, wanted) for name, wanted in criteria.items())


def _meets(event: AuditEvent, name: str, wanted: Any) -> bool:
    if is_predicate(wanted):
        return bool(wanted(getattr(event, name)))
    if name == "target":
        return (event.target_type, event.target_id) == _name(wanted)
    if name == "actor":
        return bool(event.actor_id == ("" if wanted is None else id_of(wanted)))
    stored = getattr(event, name)
    return all(key in stored and stored[key] == to_json(value) for key, value in wanted.items())


def _name(target: Model | None) -> tuple[str, str]:
    return ("", "") if target is None else (type_of(target), id_of(target))
