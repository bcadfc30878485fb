"""
The one dict ``NOTIFYAUDIT`` of a project's settings, typed. The only file that reads settings.

``current()`` is read at every use, never at import, so that ``override_settings`` works.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from difflib import get_close_matches
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.signals import setting_changed
from django.urls import get_script_prefix
from django.utils.encoding import punycode
from django.utils.module_loading import import_string

from notifyaudit import compat
from notifyaudit.addresses import check, envelope
from notifyaudit.exceptions import ConfigurationError, InvalidAddress

SENSITIVE_FIELDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
    "access_key",
    "credential",
    "credentials",
    "authorization",
    "session_key",
    "otp",
    "pin",
    "cvv",
    "iban",
    "credit_card",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``NOTIFYAUDIT`` may hold; docs/reference/settings.md tells what each key means."""

    DATABASE: str = "default"
    BASE_URL: str = ""
    WAKE_UP: str = field(default="on_commit", metadata={"choices": ("on_commit", "transaction", "never")})
    LEASE: timedelta = timedelta(minutes=5)
    CONNECTIONS: int = field(default=1, metadata={"at_least": 1})
    MAX_IN_FLIGHT: int = field(default=1, metadata={"at_least": 1})
    REDIRECT_ALL_TO: str = ""
    ALLOWED_RECIPIENTS: tuple[str, ...] = ()
    LINK_REQUESTS_PER_MINUTE: int = field(default=30, metadata={"at_least": 1})
    REQUIRE_ATOMIC: bool = False
    RECIPIENT_LANGUAGE: str = ""
    RECIPIENT_TIMEZONE: str = ""
    RECIPIENT_SELECT_RELATED: tuple[str, ...] = ()
    SENSITIVE_FIELDS: tuple[str, ...] = SENSITIVE_FIELDS
    SOURCES: dict[str, dict[str, str]] = field(default_factory=dict)
    UNCERTAIN_POLICY: str = field(default="resend", metadata={"choices": ("resend", "hold")})
    UNAUDITED_WRITES: str = field(default="ignore", metadata={"choices": ("ignore", "log", "count")})

    def __post_init__(self) -> None:
        if timedelta(0) >= self.LEASE:
            raise ConfigurationError(f"NOTIFYAUDIT['LEASE'] must be above zero, not {self.LEASE!r}.")
        for pattern in self.ALLOWED_RECIPIENTS:
            if "@" not in pattern:
                raise ConfigurationError(
                    f"NOTIFYAUDIT['ALLOWED_RECIPIENTS'] holds addresses, or patterns such as '*@x.example', "
                    f"not {pattern!r}."
                )
        if self.REDIRECT_ALL_TO:
            _require_address("REDIRECT_ALL_TO", self.REDIRECT_ALL_TO)
        if self.BASE_URL.endswith("/"):
            object.__setattr__(self, "BASE_URL", self.BASE_URL.rstrip("/"))


def parse(values: Mapping[str, Any]) -> Settings:
    """
    Turn a project's dict into ``Settings``.

    Raises:
        ConfigurationError: for an unknown key (naming the nearest known one) or a value of the wrong type.
    """
    known = {f.name: f for f in fields(Settings)}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            nearest = get_close_matches(str(name), known, n=1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else f" Known keys: {', '.join(known)}."
            raise ConfigurationError(f"NOTIFYAUDIT has no key {name!r}.{hint}")
        default = known[name].default
        if name == "SOURCES":
            checked[name] = _mappings(name, value)
            continue
        if isinstance(default, tuple):
            checked[name] = _strings(name, value)
            continue
        if not isinstance(value, type(default)):
            raise ConfigurationError(
                f"NOTIFYAUDIT[{name!r}] must be a {type(default).__name__}, not {value!r}."
            )
        least = known[name].metadata.get("at_least")
        if least is not None and (isinstance(value, bool) or value < least):
            raise ConfigurationError(f"NOTIFYAUDIT[{name!r}] must be at least {least}, not {value!r}.")
        choices = known[name].metadata.get("choices")
        if choices and value not in choices:
            raise ConfigurationError(
                f"NOTIFYAUDIT[{name!r}] must be one of {', '.join(map(repr, choices))}, not {value!r}."
            )
        checked[name] = value
    return Settings(**checked)


def _require_address(name: str, address: str) -> None:
    try:
        check(address)
    except InvalidAddress as error:
        raise ConfigurationError(f"NOTIFYAUDIT[{name!r}]: {error}") from error


def _strings(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise ConfigurationError(f"NOTIFYAUDIT[{name!r}] must be a list of strings, not {value!r}.")
    return tuple(str(item) for item in value)


def _mappings(name: str, value: object) -> dict[str, dict[str, str]]:
    if not isinstance(value, Mapping) or not all(isinstance(each, Mapping) for each in value.values()):
        raise ConfigurationError(
            f"NOTIFYAUDIT[{name!r}] must be a dict of dicts, {{'path.of.Source': {{'app.Model.updated': "
            f"'thing.edited'}}}}, not {value!r}."
        )
    return {
        str(path): {str(seen): str(action) for seen, action in mapping.items()}
        for path, mapping in value.items()
    }


@cache
def current() -> Settings:
    """
    The project's settings, read when first needed and again whenever a test overrides them.

    Raises:
        ConfigurationError: see :func:`parse`.
    """
    return parse(getattr(settings, "NOTIFYAUDIT", {}))


def function(name: str) -> Callable[[Any], Any] | None:
    """
    The function whose dotted path this setting holds; ``None`` if it holds none. Imported when it is needed,
    since settings are read before the apps are loaded.

    Raises:
        ConfigurationError: if it cannot be imported, or is none.
    """
    path = getattr(current(), name)
    if not path:
        return None
    try:
        found = import_string(path)
    except ImportError as error:
        raise ConfigurationError(
            f"NOTIFYAUDIT[{name!r}] is {path!r}, which cannot be imported: {error}"
        ) from error
    if not callable(found):
        raise ConfigurationError(
            f"NOTIFYAUDIT[{name!r}] is {path!r}, which is no function that takes a user, but {found!r}."
        )
    return found  # type: ignore[no-any-return]


def language_code() -> str:
    """Django's ``LANGUAGE_CODE``."""
    return settings.LANGUAGE_CODE


def time_zone() -> str:
    """Django's ``TIME_ZONE``."""
    return settings.TIME_ZONE


def user_model() -> str:
    """The label of the project's user model, such as ``"auth.User"``."""
    return settings.AUTH_USER_MODEL


def has_urls() -> bool:
    """Whether the project serves pages at all: a worker's settings need no ``ROOT_URLCONF``."""
    return bool(getattr(settings, "ROOT_URLCONF", ""))


def is_debug() -> bool:
    """Whether the project is being worked on: Django's ``DEBUG``."""
    return settings.DEBUG


def is_on(switch: str) -> bool:
    """Whether a setting of another package, which is on unless a project says otherwise, is on."""
    return bool(getattr(settings, switch, True))


def default_from_email() -> str:
    """Django's ``DEFAULT_FROM_EMAIL``."""
    return settings.DEFAULT_FROM_EMAIL


def base_url() -> str:
    """
    Where the site is reached, without a slash at its end: ``BASE_URL``, else by https at the domain that
    Django's sites framework has for this project; empty if neither tells.
    """
    if current().BASE_URL or not has_site():
        return current().BASE_URL
    domain = compat.site_domain()
    return f"https://{domain}" if domain else ""


def has_site() -> bool:
    """Whether the project has Django's sites framework, and says which of its sites it is."""
    return apps.is_installed("django.contrib.sites") and bool(getattr(settings, "SITE_ID", None))


def mail_domain() -> str:
    """The domain of the library's Message-IDs, in ASCII: that of the site, else of the sender."""
    host = urlsplit(base_url()).hostname
    if host:
        return punycode(host)
    try:
        return envelope(default_from_email()).rpartition("@")[2]
    except InvalidAddress:
        return "localhost"  # the mail will not leave from there, but the ledger must have an id for it


def languages() -> list[str]:
    """The codes of the languages that the project offers: its ``LANGUAGES``, else its one language."""
    if settings.USE_I18N and settings.is_overridden("LANGUAGES"):
        return [code for code, _ in settings.LANGUAGES]
    return [settings.LANGUAGE_CODE]


def language_names() -> dict[str, str]:
    """What the project calls the languages that it offers, by code."""
    return dict(settings.LANGUAGES)


def file_urls() -> tuple[str, ...]:
    """Below which paths files are served rather than pages: ``STATIC_URL`` and ``MEDIA_URL``, where set."""
    # One that is not set is the whole site, below whatever path it is served.
    unset = {None, "", "/", get_script_prefix()}
    return tuple(url for url in (settings.STATIC_URL, settings.MEDIA_URL) if url not in unset)


def _forget(*, setting: str, **_: object) -> None:
    if setting == "NOTIFYAUDIT":
        current.cache_clear()


setting_changed.connect(_forget, dispatch_uid="notifyaudit.conf")
