"""
Events from other audit trails, from signals and from the database itself.

Names are imported when first used, as those of ``notifyaudit`` are.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifyaudit.sources.base import Seen as Seen
    from notifyaudit.sources.base import Source as Source
    from notifyaudit.sources.mapping import Kind as Kind
    from notifyaudit.sources.recorders import record_on as record_on
    from notifyaudit.sources.reliable import ReliableSignal as ReliableSignal
    from notifyaudit.sources.sightings import SightedSource as SightedSource
    from notifyaudit.sources.table import ModelSource as ModelSource
    from notifyaudit.sources.tables import audit_table as audit_table
    from notifyaudit.subjects import Subject as Subject

_HOME = {
    "Kind": "mapping",
    "ModelSource": "table",
    "ReliableSignal": "reliable",
    "Seen": "base",
    "SightedSource": "sightings",
    "Source": "base",
    "Subject": "base",
    "audit_table": "tables",
    "record_on": "recorders",
}

__all__ = [
    "Kind",
    "ModelSource",
    "ReliableSignal",
    "Seen",
    "SightedSource",
    "Source",
    "Subject",
    "audit_table",
    "record_on",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
