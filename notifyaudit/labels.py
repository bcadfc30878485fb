"""A stored value as people read it, in the active language and time zone. Never raises: mails show it."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.dateparse import parse_date, parse_datetime, parse_duration, parse_time
from django.utils.formats import date_format, localize, number_format, time_format
from django.utils.timesince import TIME_STRINGS
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as of_django

if TYPE_CHECKING:
    from django.db.models import Field

NOTHING = "–"


def readable_value(value: Any, field: "Field[Any, Any] | None" = None) -> str:
    """
    Labels of choices, names of related objects, numbers, dates, times and durations as the language writes
    them, "yes" and "no", "–" for nothing; texts whole, and whatever is unknown as it is stored.

    Args:
        value: as stored, JSON.
        field: of which model field it is a value, if one knows.
    """
    try:
        return _label(value, field)
    except Exception:  # noqa: BLE001 - callable choices and the like, and values older than the field's type
        return str(value)


def _label(value: Any, field: "Field[Any, Any] | None") -> str:  # noqa: PLR0911 - a table, one line a type
    chosen = _chosen(value, field)
    if chosen is not None:
        return chosen
    if value in (None, "", [], {}):
        return NOTHING
    match value:
        case bool():
            # Django's catalogue has the words in all its languages, but only in a row.
            yes, no, *_maybe = of_django("yes,no,maybe").split(",")
            return yes if value else no
        case int() | float():
            return str(localize(value))
        case list():
            items = getattr(field, "base_field", None) or field
            return ", ".join(_nested(item, items) for item in value)
        case dict():
            return _mapping(value, field)
        case str() if field is not None:
            return _typed(value, field)
    return str(value)


def _chosen(value: Any, field: "Field[Any, Any] | None") -> str | None:
    """The label of a choice, also of one for nothing; groups are flat here, and callables are called."""
    for choice, label in getattr(field, "flatchoices", None) or ():
        nothing = value in (None, "") and choice in (None, "")
        # As texts, too: a decimal or a date is stored as one.
        if nothing or (value is not None and choice is not None and str(choice) == str(value)):
            return str(label)
    return None


def _nested(value: Any, field: "Field[Any, Any] | None") -> str:
    label = readable_value(value, field)
    return f"({label})" if isinstance(value, list | dict) and not _is_reference(value) else label


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and {"type", "id", "repr"} == value.keys()


def _mapping(value: Mapping[str, Any], field: "Field[Any, Any] | None") -> str:
    if _is_reference(value):
        return str(value["repr"])
    if {"lower", "upper", "bounds"} == value.keys():
        return _range(value["lower"], value["upper"], value["bounds"], field)
    return ", ".join(f"{name}: {_nested(item, None)}" for name, item in value.items())


def _range(lower: Any, upper: Any, bounds: str, field: "Field[Any, Any] | None") -> str:
    # PostgreSQL keeps ranges of days and of whole numbers without their upper end; people name the last.
    base = getattr(field, "base_field", None)
    if bounds.endswith(")") and isinstance(upper, int):
        upper -= 1
    elif bounds.endswith(")") and isinstance(base, models.DateField) and isinstance(upper, str):
        day = None if isinstance(base, models.DateTimeField) else parse_date(upper)
        upper = (day - timedelta(days=1)).isoformat() if day else upper
    ends = ("…" if end is None else readable_value(end, base) for end in (lower, upper))
    return " – ".join(ends)


def _typed(value: str, field: "Field[Any, Any]") -> str:
    """The text of a value whose type JSON does not have; what is no such text is shown as it is."""
    for kind, parse, show in _TYPES:
        if isinstance(field, kind):
            parsed = parse(value)
            return value if parsed is None else show(parsed)
    return value


def _datetime(moment: datetime) -> str:
    return date_format(localtime(moment) if is_aware(moment) else moment, "DATETIME_FORMAT")


def _date(day: date) -> str:
    return date_format(day, "DATE_FORMAT")


def _time(hour: time) -> str:
    return time_format(hour, "TIME_FORMAT")


def _duration(duration: timedelta) -> str:
    seconds = Decimal(abs(duration) // timedelta(microseconds=1)) / 1_000_000
    parts = []
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(TIME_STRINGS[unit] % {"num": int(number)})
    if seconds or not parts:
        parts.append(f"{number_format(seconds.normalize().__format__('f'))} s")
    return ("−" if duration < timedelta(0) else "") + ", ".join(parts)


def _decimal(value: str) -> Decimal | None:
    number = Decimal(value)
    return number if number.is_finite() else None


def _number(number: Decimal) -> str:
    return number_format(number)


# A DateTimeField is a DateField as well, so it comes first.
_TYPES: "tuple[tuple[type[Field[Any, Any]], Callable[[str], Any], Callable[[Any], str]], ...]" = (
    (models.DateTimeField, parse_datetime, _datetime),
    (models.DateField, parse_date, _date),
    (models.TimeField, parse_time, _time),
    (models.DurationField, parse_duration, _duration),
    (models.DecimalField, _decimal, _number),
)
