"""What a subscription is about, in words."""

from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifyaudit.actions import known
from notifyaudit.conditions import Condition, entries
from notifyaudit.frequency import Frequency
from notifyaudit.identity import model_of
from notifyaudit.labels import readable_value
from notifyaudit.models import Subscription
from notifyaudit.models.subscription import Matter
from notifyaudit.patterns import matches
from notifyaudit.registry import emails

_NAMED = 3
"""So many actions of a pattern are named; the others are counted."""

_LOOKUPS = {
    "exact": gettext_lazy("%(field)s becomes %(value)s"),
    "was": gettext_lazy("%(field)s was %(value)s"),
    "in": gettext_lazy("%(field)s becomes one of %(value)s"),
    "gt": gettext_lazy("%(field)s becomes more than %(value)s"),
    "gte": gettext_lazy("%(field)s becomes %(value)s or more"),
    "lt": gettext_lazy("%(field)s becomes less than %(value)s"),
    "lte": gettext_lazy("%(field)s becomes %(value)s or less"),
}


def about(row: Subscription) -> str:
    """Which events a row speaks of: "Inspection completed, if Status becomes Completed"."""
    what = _what(row)
    if not row.condition:
        return what
    return _("%(what)s, if %(condition)s") % {"what": what, "condition": _condition(row)}


def how_soon(row: Subscription) -> str:
    """How soon, or that nothing is told."""
    return _("Off") if row.muted else frequency_of(row.frequency)


def frequency_of(value: str) -> str:
    """A stored frequency; empty is that of the kind of email."""
    return str(Frequency(value).label) if value in Frequency.values else _("As usual")


def _what(row: Subscription) -> str:
    match row.matter:
        case Matter.EMAIL:
            email_class = emails.get(row.name)
            return str(email_class.label) if email_class else row.name
        case Matter.ACTION:
            return known.label(row.name)
        case Matter.PATTERN if row.name != "*":
            return _actions(row.name)
    return _("Everything")


def _actions(pattern: str) -> str:
    labels = [str(member.label) for member in known.members() if matches(member.value, pattern)]
    if len(labels) > _NAMED:
        rest = len(labels) - _NAMED
        labels = [*labels[:_NAMED], _("%(count)s more") % {"count": rest}]
    return get_text_list(labels, _("and")) or pattern


def _condition(row: Subscription) -> str:
    model = model_of(row.target_type) if row.target_type else None
    return get_text_list(_conditions(row.condition, model), _("and"))


def _conditions(condition: Condition, model: type[models.Model] | None) -> list[str]:
    found = []
    for name, lookup, wanted in entries(condition):
        field = _field(model, name)
        label = str(getattr(field, "verbose_name", "") or name.replace("_", " "))
        if lookup == "changed":
            text = _("%(field)s changes") if wanted else _("%(field)s does not change")
            found.append(text % {"field": label})
            continue
        text = str(_LOOKUPS.get(lookup, _LOOKUPS["exact"]))
        found.append(text % {"field": label, "value": readable_value(wanted, field)})
    return found


def _field(model: type[models.Model] | None, name: str) -> Any:
    # The object may be the parent of those whose fields are meant.
    try:
        return model._meta.get_field(name) if model is not None else None
    except FieldDoesNotExist:
        return None
