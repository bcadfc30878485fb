"""What an email class must look like, told when it is defined."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

from django.apps import apps
from django_pony_express.services.base import BaseEmailService

from notifyaudit.exceptions import ConfigurationError
from notifyaudit.frequency import Frequency
from notifyaudit.retry import RetryPolicy

if TYPE_CHECKING:
    from notifyaudit.emails import AuditEmail

BundleBy = Literal["event", "target", "correlation"]
"""What the events of one mail have in common."""

AboveLimits = Literal["summary", "hold"]
"""What becomes of mails above a limit."""

_KEY_LENGTH = 190
_PRIORITY = 1000


def check_definition(cls: "type[AuditEmail]") -> None:
    """
    Raises:
        ConfigurationError: naming the class, the attribute and what it must be.
    """

    def require(name: str, expected: str, *, that: Callable[[Any], bool]) -> None:
        value = getattr(cls, name)
        if not that(value):
            raise ConfigurationError(f"{cls.__qualname__}.{name} must be {expected}, not {value!r}.")

    _require_order(cls)
    require("actions", "a list of actions or patterns", that=_is_list_of_str)
    require("key", f"a string of at most {_KEY_LENGTH} characters", that=_is_key)
    require("retry", "a RetryPolicy", that=lambda value: isinstance(value, RetryPolicy))
    require("default_frequency", "a Frequency", that=lambda value: isinstance(value, Frequency))
    if cls.mandatory and cls.default_frequency != Frequency.IMMEDIATE:
        raise ConfigurationError(
            f"{cls.__qualname__} is mandatory, and leaves at once: it cannot have another default_frequency. "
            "Remove that, or mandatory."
        )
    require("window", "a timedelta, zero or more", that=_is_window)
    require("bundle_by", f"one of {', '.join(map(repr, get_args(BundleBy)))}", that=_is_bundling)
    for limit in ("max_recipients_per_event", "max_per_recipient_per_hour"):
        require(limit, "a number above zero, or None", that=_is_limit)
    require("above_limits", f"one of {', '.join(map(repr, get_args(AboveLimits)))}", that=_is_above_limits)
    has_limit = cls.max_recipients_per_event is not None or cls.max_per_recipient_per_hour is not None
    if cls.mandatory and has_limit and cls.above_limits != "hold":
        raise ConfigurationError(
            f"{cls.__qualname__} is mandatory, and in no summary: above its limits it can only be held. "
            "Set above_limits = 'hold'."
        )
    require("permission", "'app_label.codename', or None", that=_is_permission)
    require("expires", "a timedelta above zero, or None", that=_is_term)
    require("priority", f"a number from -{_PRIORITY} to {_PRIORITY}", that=_is_priority)


def _require_order(cls: "type[AuditEmail]") -> None:
    """Attributes that we only declare must not hide those of a service that was there before."""
    services = [base for base in cls.__mro__ if issubclass(base, BaseEmailService)]
    ours = [base for base in services if base.__module__.partition(".")[0] == __package__]
    behind = cls.__mro__[cls.__mro__.index(ours[0]) :]
    for base in behind:
        if issubclass(base, BaseEmailService) and base not in ours and base is not BaseEmailService:
            raise ConfigurationError(
                f"{cls.__qualname__} hides the attributes of {base.__qualname__}, which must stand first: "
                f"class {cls.__qualname__}({base.__qualname__}, {ours[0].__qualname__})."
            )


def _is_list_of_str(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _KEY_LENGTH


def _is_term(value: Any) -> bool:
    return value is None or (isinstance(value, timedelta) and value > timedelta(0))


def _is_window(value: Any) -> bool:
    return isinstance(value, timedelta) and value >= timedelta(0)


def _is_bundling(value: Any) -> bool:
    return value in get_args(BundleBy)


def _is_limit(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def _is_above_limits(value: Any) -> bool:
    return value in get_args(AboveLimits)


def _is_permission(value: Any) -> bool:
    return value is None or (isinstance(value, str) and all(value.partition(".")))


def _is_priority(value: Any) -> bool:
    return isinstance(value, int) and abs(value) <= _PRIORITY


def app_label_of(cls: "type[AuditEmail]") -> str:
    """
    The label of the app that defines the class.

    Raises:
        ConfigurationError: before Django has loaded the installed apps.
    """
    if not apps.apps_ready:
        raise ConfigurationError(
            f"{cls.__module__}.{cls.__qualname__} is defined before Django has loaded the installed apps. "
            "Put email classes into an app's emails.py and do not import it from __init__.py or apps.py."
        )
    config = apps.get_containing_app_config(cls.__module__)
    return config.label if config else cls.__module__.partition(".")[0]
