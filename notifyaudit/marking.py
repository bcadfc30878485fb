"""Which models must not be written without an event: ``@audited``, and ``unaudited()`` for what has none."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar, overload

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from notifyaudit.exceptions import ConfigurationError
from notifyaudit.identity import type_of
from notifyaudit.statements import Written, bare

_Model = TypeVar("_Model", bound=models.Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """
    A table that holds something of an audited model.

    Args:
        label: the audited model, ``"app.Model"``.
        model: the same, as a class.
        owner: the table whose model an event must be about, or a child of it.
        operations: which of them count.
        columns: an update counts only if it sets one of them; ``None`` for any.
    """

    label: str
    model: type[models.Model]
    owner: str
    operations: frozenset[str] = frozenset({"insert", "update", "delete"})
    columns: frozenset[str] | None = None

    def counts(self, written: Written) -> bool:
        """Whether this is a write that needs an event."""
        if written.operation not in self.operations:
            return False
        return written.operation != "update" or self.columns is None or bool(self.columns & written.columns())


class AuditedModels:
    """What ``@audited`` has marked, and the tables that follow from it."""

    def __init__(self) -> None:
        self._fields: dict[type[models.Model], frozenset[str] | None] = {}
        self._tables: dict[str, Watched] | None = None

    def __bool__(self) -> bool:
        return bool(self._fields)

    def add(self, model: type[models.Model], fields: Sequence[str] | None) -> None:
        """
        Raises:
            ConfigurationError: for an abstract model, or a field that the model does not have.
        """
        if model._meta.abstract:
            raise ConfigurationError(
                f"@audited on {model.__name__}: an abstract model has no table. "
                "Mark the models that inherit it."
            )
        concrete: type[models.Model] = model._meta.concrete_model  # type: ignore[assignment]
        self._fields[concrete] = None if fields is None else frozenset(_field(model, name) for name in fields)
        self._tables = None

    def tables(self) -> dict[str, Watched]:
        """By name. Made when the first statement asks: relations are resolved once all models are loaded."""
        if self._tables is None:
            found: dict[str, Watched] = {}
            # A model's own table says more than its child's reading of it, whichever was marked first.
            for inherited in (False, True):
                for model, fields in self._fields.items():
                    for table, watched in _tables(model, fields, inherited=inherited):
                        found.setdefault(table, watched)
            self._tables = found
        return self._tables

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Forget, at the end of the block, the models that were marked in it (for tests)."""
        before = dict(self._fields)
        try:
            yield
        finally:
            self._fields, self._tables = before, None


audited_models = AuditedModels()
_unaudited: ContextVar[bool] = ContextVar("notifyaudit_unaudited", default=False)


@overload
def audited(model: type[_Model]) -> type[_Model]: ...


@overload
def audited(*, fields: Sequence[str]) -> Callable[[type[_Model]], type[_Model]]: ...


def audited(model: Any = None, *, fields: Sequence[str] | None = None) -> Any:
    """
    Mark a model whose writes must come with an event::

        @audited                                  # or @audited(fields=["status", "summary"])
        class Inspection(models.Model): ...

    One event about the model, as target or related, in the same transaction is enough. A test that writes
    without one fails, naming the line; in production ``NOTIFYAUDIT["UNAUDITED_WRITES"]`` logs or counts it.

    Args:
        model: the class; a proxy stands for the model whose table it shows.
        fields: an update counts only if it sets one of these; creating and deleting a row always count.

    Raises:
        ConfigurationError: for an abstract model, or a field that the model does not have.
    """

    def mark(model: type[_Model]) -> type[_Model]:
        audited_models.add(model, fields)
        return model

    return mark if model is None else mark(model)


@contextmanager
def unaudited(why: str) -> Iterator[None]:
    """
    Say that the writes of a block, or of a function that this decorates, need no event::

        with unaudited("counters are not worth telling"):
            Inspection.objects.filter(pk=pk).update(views=F("views") + 1)

    Args:
        why: for whoever reads the code.

    Raises:
        ValueError: without a reason.
    """
    if not isinstance(why, str) or not why.strip():
        raise ValueError('unaudited() needs a reason: with unaudited("counters are not worth telling"): …')
    token = _unaudited.set(True)
    try:
        yield
    finally:
        _unaudited.reset(token)


def is_unaudited() -> bool:
    """Whether the running code is in an :func:`unaudited` block."""
    return _unaudited.get()


def owners(model: type[models.Model]) -> Iterator[str]:
    """The tables that an event about this model speaks of: its own and, a child being its parents, theirs."""
    for each in (model, *model._meta.all_parents):
        yield bare(each._meta.db_table)


def _tables(
    model: type[models.Model], fields: frozenset[str] | None, *, inherited: bool
) -> Iterator[tuple[str, Watched]]:
    label = type_of(model)
    for each in model._meta.all_parents if inherited else (model,):
        meta, owner = each._meta, bare(each._meta.db_table)
        chosen = [field for field in meta.local_concrete_fields if fields is None or field.name in fields]
        columns = (
            frozenset(bare(field.column) for field in chosen if field.column) if fields is not None else None
        )
        if not inherited:
            yield owner, Watched(label=label, model=model, owner=owner, columns=columns)
        elif chosen:
            # A child's row is created and deleted in its own table too; here only its update is to be seen.
            yield (
                owner,
                Watched(
                    label=label, model=model, owner=owner, operations=frozenset({"update"}), columns=columns
                ),
            )
        for field in meta.local_many_to_many:
            through: Any = field.remote_field.through
            if through._meta.auto_created and (fields is None or field.name in fields):
                yield bare(through._meta.db_table), Watched(label=label, model=model, owner=owner)


def _field(model: type[models.Model], name: str) -> str:
    known = {field.name for field in (*model._meta.concrete_fields, *model._meta.many_to_many)}
    problem = f"@audited on {model.__name__}: it has no field {name!r} with a column."
    return field_among(sorted(known), model, name, problem)


def field_among(known: Sequence[str], model: type[models.Model], name: str, problem: str) -> str:
    """
    The name of a field that was given by its name or its column's: ``owner`` for ``owner_id``.

    Args:
        known: the names of the fields that may be meant.
        model: whose.
        name: as it was given.
        problem: what to say if it is none of them.

    Raises:
        ConfigurationError: naming the nearest.
    """
    try:
        found = model._meta.get_field(name).name
    except FieldDoesNotExist:
        found = ""
    if found in known:
        return found
    nearest = get_close_matches(name, known, n=1)
    hint = f"Did you mean {nearest[0]!r}?" if nearest else f"It has {', '.join(known)}."
    raise ConfigurationError(f"{problem} {hint}")
