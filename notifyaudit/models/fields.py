"""Columns that hold keys."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    _CharField = models.CharField[Any, Any]
else:
    _CharField = models.CharField

_EXACT = "utf8mb4_nopad_bin"
"""MariaDB's own collations call "Ann", "ann", "änn" and "ann " the same; this one tells them apart."""


class KeyField(_CharField):
    """
    A text by which something is found again: two keys are the same only if every character is, in
    lookups and unique constraints alike, on every database.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """SQLite and PostgreSQL compare exactly by themselves; MariaDB has to be told."""
        parameters: dict[str, Any] = {**super().db_parameters(connection)}
        if connection.vendor == "mysql" and not self.db_collation:
            parameters["collation"] = _EXACT
        return parameters
