"""
Triggers that leave word of what they see, by django-pgtrigger: they stand in ``Meta.triggers`` of a model, so
that ``makemigrations`` brings them into the database.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pgtrigger
from django.apps import apps
from django.db import models

from notifyaudit import conf
from notifyaudit.masking import MASK, words
from notifyaudit.secrecy import mask_of
from notifyaudit.statements import quoted

CONTEXT = "notifyaudit_context"
"""Beside a row's columns: pghistory's context, as text."""


class Sighted(pgtrigger.Trigger):
    """
    An ``AFTER`` trigger of each row, which hands the row to ``notifyaudit_sighted()`` and does nothing else.

    Of columns that are sensitive by the settings or by a model it hands over a mask. Their names stand in the
    trigger, so ``makemigrations`` finds a difference when they have become others.

    Args:
        source: the name of the source that is to have it.
        masked_by: further models whose sensitive fields have columns of the same names here.
    """

    when = pgtrigger.After

    def __init__(self, source: str, *, masked_by: Iterable[type[models.Model]] = (), **options: Any) -> None:
        self.source = source
        self.masked_by = tuple(masked_by)
        super().__init__(**options)

    def get_func(self, model: Any) -> str:
        """The trigger's only statement."""
        label = model._meta.concrete_model._meta.label
        return (
            f"PERFORM notifyaudit_sighted({_text(self.source)}, {_text(label)}, TG_OP, "
            f"{self.get_before(model)}, {self.get_after(model)}); RETURN NULL;"
        )

    def get_before(self, model: Any) -> str:
        """The old row, in SQL. Of a sensitive column that was changed it has nothing, which says so."""
        hidden = list(self.hidden(model))
        if not hidden:
            return "to_jsonb(OLD)"
        kept = " || ".join(
            f"CASE WHEN TG_OP = 'UPDATE' AND OLD.{quoted(column)} IS DISTINCT FROM NEW.{quoted(column)} "
            f"THEN '{{}}'::jsonb ELSE {_masked('OLD', column)} END"
            for column in hidden
        )
        return f"(to_jsonb(OLD) - ARRAY[{', '.join(map(_text, hidden))}]) || {kept}"

    def get_after(self, model: Any) -> str:
        """The new row, in SQL."""
        return " || ".join(["to_jsonb(NEW)", *(_masked("NEW", column) for column in self.hidden(model))])

    def hidden(self, model: type[models.Model]) -> Iterator[str]:
        """The columns of which a mask is handed over."""
        masks = [mask_of(each) for each in (model, *self.masked_by)]
        for field in model._meta.local_concrete_fields or model._meta.concrete_fields:
            if any(mask.hides(field.name) or mask.hides(field.attname) for mask in masks):
                yield str(field.column)


class Relay(Sighted):
    """
    Leaves word of each row that is inserted into a history table::

        class Relayed(FieldHistory):
            class Meta:
                proxy = True
                triggers = [Relay("field_history")]

    Args:
        source: the name of the source that is to have it.
        names_in: a column that holds the name of a field.
        values_in: columns that hold its value, which is masked if that field is sensitive by the settings, or
            in any model.
    """

    operation = pgtrigger.Insert

    def __init__(
        self, source: str, *, names_in: str = "", values_in: Iterable[str] = (), **options: Any
    ) -> None:
        self.names_in = names_in
        self.values_in = tuple(values_in)
        super().__init__(source, **{"name": f"notifyaudit_{source}", **options})

    def get_before(self, model: Any) -> str:
        """There is none."""
        del model
        return "NULL"

    def get_after(self, model: Any) -> str:
        """The row, without the value of a field that is sensitive."""
        row = super().get_after(model)
        if not self.names_in:
            return row
        masked = " || ".join([row, *(_masked("NEW", column) for column in self.values_in)])
        return f"CASE WHEN {_is_sensitive(f'NEW.{quoted(self.names_in)}')} THEN {masked} ELSE {row} END"


class HistoryRelay(Relay):
    """
    The same for an event table of django-pghistory. Where the context of an event is not a row of its own,
    its metadata come along as text, unless they may hold a secret.
    """

    def get_after(self, model: Any) -> str:
        """The row, and such a context."""
        row = super().get_after(model)
        field = next((field for field in model._meta.concrete_fields if field.name == "pgh_context"), None)
        if isinstance(field, models.ForeignKey):
            return row
        context = "current_setting('pghistory.context_metadata', true)"
        secrets = "|".join("[^a-z0-9]?".join(name.split("_")) for name in _sensitive_names())
        harmless = f"CASE WHEN {context} !~* {_text(secrets)} THEN {context} END" if secrets else context
        return f"({row}) - 'pgh_context' || jsonb_build_object({_text(CONTEXT)}, {harmless})"


class Changed(pgtrigger.Condition):
    """Whether an update has changed one of these fields; ``None``: any that a save does not renew itself."""

    def __init__(self, fields: Iterable[str] | None) -> None:
        self.fields = fields

    def resolve(self, model: Any) -> str:
        """In SQL."""
        names = (quoted(column) for column in counted(model, self.fields))
        return " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in names)


def counted(model: type[models.Model], fields: Iterable[str] | None) -> Iterator[str]:
    """The columns of a model's own table in which a change counts."""
    wanted = None if fields is None else set(fields)
    for field in model._meta.local_concrete_fields:
        renewed = getattr(field, "auto_now", False)
        if field.name in wanted if wanted is not None else not renewed:
            yield str(field.column)


def _is_sensitive(name: str) -> str:
    """As ``Mask.hides()``, in SQL: the words of a name contain those of a sensitive one in a row."""
    alternatives = "|".join(_sensitive_names())
    if not alternatives:
        return "false"
    for boundary in ("([A-Z]+)([A-Z][a-z])", "([a-z])([A-Z])", "([a-zA-Z])([0-9])", "([0-9])([a-zA-Z])"):
        name = rf"regexp_replace({name}, '{boundary}', '\1_\2', 'g')"
    name = f"regexp_replace(lower({name}), '[^a-z0-9]+', '_', 'g')"
    return f"{name} ~ {_text(f'(^|_)({alternatives})(_|$)')}"


def _sensitive_names() -> list[str]:
    """By the settings, and of any model."""
    sensitive = {*conf.current().SENSITIVE_FIELDS}
    for model in apps.get_models():
        sensitive.update(getattr(model, "notifyaudit_sensitive_fields", ()))
    return sorted({"_".join(words(name)) for name in sensitive if words(name)})


def _masked(row: str, column: str) -> str:
    value = f"CASE WHEN {row}.{quoted(column)} IS NOT NULL THEN {_text(MASK)} END"
    return f"jsonb_build_object({_text(column)}, {value})"


def _text(value: str) -> str:
    return "'{}'".format(value.replace("'", "''"))
