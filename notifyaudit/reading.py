"""In which language and by which clock somebody reads: what they have chosen, else what the project knows."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import translation

from notifyaudit import compat, conf
from notifyaudit.identity import id_of, key_from
from notifyaudit.isolation import isolated
from notifyaudit.models import Preference
from notifyaudit.windows import zone_or_utc

logger = logging.getLogger("notifyaudit")

Ask = Callable[[Any, Preference | None], str]


def users_of(identifiers: Iterable[str]) -> Mapping[str, Any]:
    """Those users that are there, by id, with what ``RECIPIENT_SELECT_RELATED`` names; in one query."""
    user_model = get_user_model()
    keys = {key_from(user_model, identifier) for identifier in identifiers} - {None}
    if not keys:
        return {}
    settings = conf.current()
    found = user_model._base_manager.using(settings.DATABASE).filter(pk__in=keys)
    rows: Any = compat.followed_together(found)
    if settings.RECIPIENT_SELECT_RELATED:
        rows = rows.select_related(*settings.RECIPIENT_SELECT_RELATED)
    return {id_of(user): user for user in rows}


def language_of(user: Any, preference: Preference | None) -> str:
    """
    The code of a language that the project offers: of the preference, else what ``RECIPIENT_LANGUAGE`` says
    of the user, else ``LANGUAGE_CODE``.

    Args:
        user: ``None``: they have a plain address.
        preference: theirs, if they have one.

    Raises:
        TypeError: if the project's function returns something else than a text or ``None``.
        Exception: whatever it raises.
    """
    return said_language(user, preference) or conf.language_code()


def said_language(user: Any, preference: Preference | None) -> str:
    """The same; empty, if neither they nor the project's function have said anything."""
    said = (preference.language if preference else "") or _asked("RECIPIENT_LANGUAGE", user)
    return offered(said) if said else ""


def zone_of(user: Any, preference: Preference | None) -> str:
    """
    The IANA name of a time zone: of the preference, else what ``RECIPIENT_TIMEZONE`` says of the user, else
    ``TIME_ZONE``.

    Args:
        user: ``None``: they have a plain address.
        preference: theirs, if they have one.

    Raises:
        TypeError: if the project's function returns something else than a text, a ``ZoneInfo`` or ``None``.
        Exception: whatever it raises.
    """
    chosen = preference.timezone if preference else ""
    return chosen or _asked("RECIPIENT_TIMEZONE", user) or conf.time_zone()


def clock_of(user: Any, preference: Preference | None) -> tzinfo:
    """The same as a time zone; UTC where this machine does not know it."""
    return zone_or_utc(zone_of(user, preference))


def asked_safely(ask: Ask, user: Any, preference: Preference | None) -> str:
    """
    What one of these functions says, where it must not fail: of a project's function that raises the ledger
    tells when a mail leaves. It is logged, and counts as if it had said nothing.
    """
    try:
        with isolated():
            return ask(user, preference)
    except Exception:
        logger.exception("%s could not be asked about a recipient", ask.__name__)
        return ask(None, preference)


def offered(code: str) -> str:
    """
    This language, if the project offers it; else the same in general (``pt`` for ``pt-br``), or of another
    region; else ``LANGUAGE_CODE``.
    """
    try:
        # A locale is a code as well: pt_BR is pt-br.
        return translation.get_supported_language_variant(translation.to_language(code))
    except LookupError:
        return conf.language_code()


def _asked(setting: str, user: Any) -> str:
    function = conf.function(setting)
    if function is None or user is None:
        return ""
    answer = function(user)
    # A ZoneInfo has its name in ``key``.
    answer = getattr(answer, "key", answer)
    if answer is not None and not isinstance(answer, str):
        raise TypeError(
            f"NOTIFYAUDIT[{setting!r}]: {function.__qualname__}() must return a text or None, not {answer!r}."
        )
    return answer or ""
