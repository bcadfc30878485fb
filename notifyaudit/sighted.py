"""Which tables have a trigger that sees their writes, so that none of them needs an event of its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import models

from notifyaudit.statements import Written, bare


@dataclass(frozen=True, slots=True)
class Sighted:
    """
    A table that is seen.

    Args:
        label: its model, ``"app.Model"``.
        columns: an update is seen only if it sets one of them; ``None`` for any.
    """

    label: str
    columns: frozenset[str] | None = None

    def sees(self, written: Written) -> bool:
        """Whether this write is seen, if it changes anything."""
        return written.operation != "update" or self.columns is None or bool(self.columns & written.columns())


class SightedTables:
    """The tables, by name."""

    def __init__(self) -> None:
        self._tables: dict[str, Sighted] = {}

    def __bool__(self) -> bool:
        return bool(self._tables)

    def add(self, model: type[models.Model], columns: Iterable[str] | None = None) -> None:
        """From now on the writes to this model's own table are seen."""
        names = None if columns is None else frozenset(map(bare, columns))
        self._tables[bare(model._meta.db_table)] = Sighted(model._meta.label, names)

    def discard(self, model: type[models.Model]) -> None:
        """Not any more."""
        self._tables.pop(bare(model._meta.db_table), None)

    def seeing(self, written: Written) -> Sighted | None:
        """The table, if it sees this write."""
        found = self._tables.get(written.table)
        return found if found is not None and found.sees(written) else None

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Forget, at the end of the block, what was added in it (for tests)."""
        before = dict(self._tables)
        try:
            yield
        finally:
            self._tables = before


sighted_tables = SightedTables()
