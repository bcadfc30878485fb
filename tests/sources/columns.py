"""The sources under test, each with a model of its own and the way in which its package is used."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import reversion
from django.apps import apps
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from notifyaudit.sources import sightings
from tests.sources.upstream import models
from tests.sources.upstream.actions import InspectionAction


@dataclass(frozen=True, kw_only=True)
class Column:
    """
    One source: a column of the matrix in docs/reference/sources.md.

    Attributes:
        source: its name, as stored in events.
        title: the column's heading.
        packages: what it is run with, as the package index names them.
        model: has the fields of ``upstream.models.shape.Inspection``.
        databases: where it can be run.
        around: what the package wants around a write.
        bulk_create, bulk_update: the package's own helpers: ``bulk_create(objects)``,
            ``bulk_update(objects, fields)``.
        middleware: the package's own, if it is not among those of the settings.
        settle: has what was seen become events, where that does not happen at once.
        notes: what a cell does not tell, by the title of the operation.
    """

    source: str
    title: str
    packages: tuple[str, ...]
    model: Any
    databases: tuple[str, ...] = ("sqlite", "postgres", "mariadb")
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    bulk_create: Callable[..., Any] | None = None
    bulk_update: Callable[..., Any] | None = None
    middleware: str = ""
    settle: Callable[[], Any] = int
    notes: dict[str, str] = field(default_factory=dict)


def _model(name: str) -> Any:
    """A model that only PostgreSQL can have."""
    return apps.get_model("triggers", name) if apps.is_installed("tests.sources.triggers") else None


KINDS = {
    InspectionAction.SCHEDULED: "created",
    InspectionAction.REMOVED: "deleted",
    InspectionAction.COMPLETED: "updated",
    InspectionAction.REPRICED: "updated",
    InspectionAction.EDITED: "updated",
}

EXPRESSION = "`save()` with an `F()` expression"
OF_EXPRESSIONS = (
    "On Django 5.2 simple-history and field-history raise, reversion writes a version that it cannot read "
    "again, and a hook sees the expression. On MariaDB field-history raises and a hook sees nothing, on any "
    "Django."
)
AUTOCOMMIT = "`save()` in autocommit"
RELATIONS = [f"many-to-many `{name}()`" for name in ("add", "remove", "set", "clear")]
OF_RELATIONS = (
    "auditlog keeps the names of what was added or removed; so the event has these, and not the whole list. "
    "Of `clear()` it names every object of the other model."
)

SIMPLE_HISTORY = Column(
    source="simple_history",
    title="simple-history",
    packages=("django-simple-history",),
    model=models.HistoricInspection,
    bulk_create=lambda objects: bulk_create_with_history(objects, models.HistoricInspection),
    bulk_update=lambda objects, fields: bulk_update_with_history(objects, models.HistoricInspection, fields),
    notes={EXPRESSION: OF_EXPRESSIONS},
)
AUDITLOG = Column(
    source="auditlog",
    title="auditlog",
    packages=("django-auditlog",),
    model=models.LoggedInspection,
    notes={
        **dict.fromkeys(RELATIONS, OF_RELATIONS),
        EXPRESSION: "auditlog writes the expression, such as `F(price) + Value(2)`.",
        "`save()` in autocommit that the database refuses": (
            "auditlog writes its entry before the row. In a transaction both are rolled back."
        ),
    },
)
REVERSION = Column(
    source="reversion",
    title="reversion",
    packages=("django-reversion",),
    model=models.VersionedInspection,
    around=reversion.create_revision,
    middleware="reversion.middleware.RevisionMiddleware",
    notes={
        EXPRESSION: OF_EXPRESSIONS,
        AUTOCOMMIT: "Outside of `create_revision()` reversion keeps nothing.",
        "`save()` in a savepoint that is rolled back": (
            "When the savepoint is within a revision: reversion saves the version of what was rolled back "
            "with the outer revision."
        ),
    },
)
FIELD_HISTORY = Column(
    source="field_history",
    title="field-history",
    packages=("django-field-history",),
    model=models.TrackedInspection,
    notes={
        EXPRESSION: OF_EXPRESSIONS,
        "a deletion that cascades to it": (
            "django-field-history cannot be used with deferred fields: Django reads what a deletion cascades "
            "to without some, and the tracker calls itself without end."
        ),
    },
)
LIFECYCLE = Column(
    source="lifecycle",
    title="lifecycle hooks",
    packages=("django-lifecycle",),
    model=models.HookedInspection,
    notes={EXPRESSION: OF_EXPRESSIONS},
)
"""No source: the project's own hooks record, see docs/how-to/lifecycle-hooks.md."""

PGHISTORY = Column(
    source="pghistory",
    title="pghistory",
    packages=("django-pghistory", "django-pgtrigger"),
    model=_model("EventedInspection"),
    databases=("postgres",),
    settle=sightings.take_up,
)
TABLES = Column(
    source="tables",
    title="`audit_table()`",
    packages=("django-pgtrigger",),
    model=_model("SightedInspection"),
    databases=("postgres",),
    settle=sightings.take_up,
)

LISTENING = [SIMPLE_HISTORY, AUDITLOG, REVERSION, FIELD_HISTORY]
COLUMNS = [*LISTENING, PGHISTORY, TABLES, LIFECYCLE]
