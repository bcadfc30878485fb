"""One module for each audit package, so that each can be read as a project's own models."""

from .auditlog import LoggedInspection
from .field_history import TrackedInspection
from .lifecycle import HookedInspection
from .reversion import VersionedInspection
from .shape import Building, Tag
from .simple_history import Crane, Forgetful, HistoricInspection, Ladder

__all__ = [
    "Building",
    "Crane",
    "Forgetful",
    "HistoricInspection",
    "HookedInspection",
    "Ladder",
    "LoggedInspection",
    "Tag",
    "TrackedInspection",
    "VersionedInspection",
]
