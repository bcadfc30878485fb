"""What an email class must look like, told when it is defined."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps

from notifyaudit.exceptions import ConfigurationError
from notifyaudit.frequency import Frequency
from notifyaudit.retry import RetryPolicy

if TYPE_CHECKING:
    from notifyaudit.emails import AuditEmail

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

    require("actions", "a list of actions or patterns", that=_is_list_of_str)
    require("key", f"a string of at most {_KEY_LENGTH} characters", that=_is_key)
    require("retry", "a RetryPolicy", that=lambda value: isinstance(value, RetryPolicy))
    require("default_frequency", "a Frequency", that=lambda value: isinstance(value, Frequency))
    if cls.mandatory and cls.default_frequency != Frequency.IMMEDIATE:
        raise ConfigurationError(
            f"{cls.__qualname__} is mandatory, and leaves at once: it cannot have another default_frequency."
        )
    require("expires", "a timedelta above zero, or None", that=_is_term)
    require("priority", f"a number from -{_PRIORITY} to {_PRIORITY}", that=_is_priority)


def _is_list_of_str(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _KEY_LENGTH


def _is_term(value: Any) -> bool:
    return value is None or (isinstance(value, timedelta) and value > timedelta(0))


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
