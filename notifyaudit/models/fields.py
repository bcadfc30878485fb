"""Columns that hold keys."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    _CharField = models.CharField[Any, Any]
else:
    _CharField = models.CharField

_EXACT = {"mysql": "utf8mb4_nopad_bin", "postgresql": "C"}
"""
MariaDB's own collations call "Ann", "ann", "änn" and "ann " the same. PostgreSQL's tell them apart, but sort
them as a dictionary does, on which no two servers agree. With these, all databases sort as Python does.
"""


class KeyField(_CharField):
    """
    A text by which something is found again: two keys are the same only if every character is, and they
    follow each other by their code points, on every database.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """SQLite compares exactly by itself; the others have to be told."""
        parameters: dict[str, Any] = {**super().db_parameters(connection)}
        if connection.vendor in _EXACT and not self.db_collation:
            parameters["collation"] = _EXACT[connection.vendor]
        return parameters
