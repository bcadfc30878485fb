"""The sources that a project has named in ``NOTIFYAUDIT["SOURCES"]``, and their connection at start."""

from collections import Counter

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from notifyaudit import conf
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.sources.base import Source

_connected: list[Source] = []


def sources() -> list[Source]:
    """Those that are connected, in the order of the setting."""
    return list(_connected)


def connect() -> None:
    """
    Connect the sources of the setting, in the place of those that are connected.

    Raises:
        ConfigurationError: if one cannot be loaded. Told at once and not by a check, which no server runs:
            without its source a project would lose events and nobody would know.
    """
    wanted = _load()
    for source in _connected:
        source.disconnect()
    _connected[:] = wanted
    for source in wanted:
        source.connect()


def _load() -> list[Source]:
    loaded = [_class_at(path)(mapping) for path, mapping in conf.current().SOURCES.items()]
    for name, number in Counter(source.name for source in loaded).items():
        if number > 1:
            raise ConfigurationError(
                f"{number} of NOTIFYAUDIT['SOURCES'] have the name {name!r}: an event of one would be taken "
                "for the other's. Give each class its own."
            )
    return loaded


def _class_at(path: str) -> type[Source]:
    try:
        found = import_string(path)
    # RuntimeError: Django's own, of a model whose app is not installed.
    except (ImportError, RuntimeError) as error:
        raise ConfigurationError(
            f"NOTIFYAUDIT['SOURCES'] names {path!r}, which cannot be imported: {error}. Is the package "
            "that it listens to installed, and in INSTALLED_APPS?"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Source)):
        raise ConfigurationError(
            f"NOTIFYAUDIT['SOURCES'] names {path!r}, which is no Source class, but {found!r}."
        )
    return found


def _connect_again(*, setting: str, **_: object) -> None:
    if setting != "NOTIFYAUDIT":
        return
    try:
        wanted = bool(conf.current().SOURCES)
    except ConfigurationError:
        return  # whoever reads the settings next is told
    if wanted or _connected:
        connect()


setting_changed.connect(_connect_again, dispatch_uid="notifyaudit.sources")
