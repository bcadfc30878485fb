"""Models that triggers watch; installed on PostgreSQL only."""

from .pghistory import ContextlessInspection, EventedInspection, JsonContextInspection, OldRowInspection
from .relayed import Change, RelayedFieldHistory
from .tables import Keyed, NarrowInspection, SightedInspection, SpecialInspection, Typed

__all__ = [
    "Change",
    "ContextlessInspection",
    "EventedInspection",
    "JsonContextInspection",
    "Keyed",
    "NarrowInspection",
    "OldRowInspection",
    "RelayedFieldHistory",
    "SightedInspection",
    "SpecialInspection",
    "Typed",
]
