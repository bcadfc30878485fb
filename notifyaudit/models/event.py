"""What happened. One row per event, written in the transaction of the change, and the outbox at once."""

import json
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifyaudit import clock, conf
from notifyaudit.changes import Change, readable
from notifyaudit.exceptions import ImmutableEvent
from notifyaudit.identity import Lookup, model_of, resolve
from notifyaudit.masking import MASK
from notifyaudit.models.fields import KeyField


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Reads and inserts. Of an existing row only the routing state can change."""

    def update(self, **values: Any) -> int:
        """
        Raises:
            ImmutableEvent: if one of the values is a fact.
        """
        if facts := AuditEvent.FACTS.intersection(values):
            raise ImmutableEvent(f"changing {', '.join(sorted(facts))}")
        return super().update(**values)

    def delete(self) -> NoReturn:
        """
        Raises:
            ImmutableEvent: always.
        """
        raise ImmutableEvent("deleting")

    def bulk_create(self, *args: Any, **options: Any) -> Any:
        """
        Raises:
            ImmutableEvent: with ``update_conflicts``.
        """
        if options.get("update_conflicts"):
            raise ImmutableEvent("overwriting in bulk_create()")
        return super().bulk_create(*args, **options)

    def unrouted(self) -> "AuditEventQuerySet":
        """Those of which nobody has been told yet, oldest first."""
        return self.filter(routed_at__isnull=True).order_by("pk")


class AuditEvent(models.Model):
    """
    Who did what to which object, and which fields changed.

    No foreign keys leave it, so deleting a user, an object or a content type neither changes nor
    removes an event. Its facts are append-only through the ORM (:class:`ImmutableEvent`).
    """

    action = KeyField(_("action"), max_length=190)
    actor_id = KeyField(_("actor"), max_length=255, blank=True)
    actor_repr = models.TextField(_("actor was called"), blank=True)
    target_type = KeyField(_("target's model"), max_length=190, blank=True)
    target_id = KeyField(_("target"), max_length=255, blank=True)
    target_repr = models.TextField(_("target was called"), blank=True)
    ancestors = models.JSONField(_("ancestors"), default=list, blank=True)
    snapshot = models.JSONField(_("snapshot"), null=True, blank=True)
    related = models.JSONField(_("related objects"), default=list, blank=True)
    changes = models.JSONField(_("changes"), default=dict, blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    correlation_id = KeyField(_("correlation id"), max_length=190, blank=True)
    idempotency_key = KeyField(_("idempotency key"), max_length=190, null=True, unique=True)
    occurred_at = models.DateTimeField(_("occurred at"), default=clock.now)
    recorded_at = models.DateTimeField(_("recorded at"), default=clock.now)
    source = KeyField(_("source"), max_length=64, default="app")
    source_ref = KeyField(_("reference in the source"), max_length=190, null=True)

    # State, not a fact: NULL until notifications stand for everybody who should hear of the event.
    routed_at = models.DateTimeField(_("routed at"), null=True, editable=False)

    FACTS: ClassVar[frozenset[str]]

    lookup: Lookup | None = None

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        base_manager_name = "objects"
        indexes = [
            models.Index(fields=["routed_at", "id"], name="notifyaudit_event_route"),
            models.Index(fields=["target_type", "target_id", "id"], name="notifyaudit_event_target"),
        ]
        constraints = [
            # NULLs are distinct on all databases: events without a reference never collide.
            models.UniqueConstraint(fields=["source", "source_ref"], name="notifyaudit_event_source"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_repr}".strip()

    def save(self, *args: Any, **options: Any) -> None:
        """
        Raises:
            ImmutableEvent: if the event is in the database already.
        """
        if not self._state.adding:
            raise ImmutableEvent("saving")
        super().save(*args, **{**options, "force_insert": True})

    def delete(self, *_args: Any, **_options: Any) -> NoReturn:
        """
        Raises:
            ImmutableEvent: always.
        """
        raise ImmutableEvent("deleting")

    @cached_property
    def actor(self) -> Any:
        """The user who acted; ``None`` without one, or when the user is gone (``actor_repr`` remains)."""
        return self._look_up(conf.user_model(), self.actor_id)

    @cached_property
    def target(self) -> Any:
        """
        The object; when it is gone an unsaved instance rebuilt from the snapshot, else ``None``
        (``target_repr`` remains).
        """
        return self._look_up(self.target_type, self.target_id) or self._rebuilt()

    def readable_changes(self) -> dict[str, Change]:
        """
        The changed fields as people read them, in the order of the model's fields: ``{field: Change}``, a
        stored ``(old, new)`` with ``label``, ``old_label`` and ``new_label`` in the active language.
        """
        return readable(self.changes, model_of(self.target_type))

    def _look_up(self, type_name: str, identifier: str) -> Any:
        if self.lookup is None:
            return resolve(type_name, identifier, self._alias)
        return self.lookup.get(type_name, identifier)

    @property
    def _alias(self) -> str:
        return self._state.db or conf.current().DATABASE

    def _rebuilt(self) -> models.Model | None:
        model = model_of(self.target_type)
        if model is None or self.snapshot is None:
            return None
        instance = model()
        for field in model._meta.concrete_fields:
            value = self.snapshot.get(field.attname)
            if value is not None and value != MASK:
                # The field's type has changed since, or a field's own code fails: what can be rebuilt is
                # worth more than nothing.
                with suppress(Exception):
                    setattr(instance, field.attname, _python(field, value))
        instance._state.db = self._alias
        return instance


def look_up_together(events: Iterable[AuditEvent]) -> None:
    """Let the first of these events that is asked for its actor or target read those of all of them."""
    events = list(events)
    user_model = conf.user_model()
    names = {(event.target_type, event.target_id) for event in events}
    names |= {(user_model, event.actor_id) for event in events}
    lookup = Lookup(names, conf.current().DATABASE)
    for event in events:
        event.lookup = lookup


def _python(field: "models.Field[Any, Any]", value: Any) -> Any:
    base_field = getattr(field, "base_field", None)  # of PostgreSQL's arrays and ranges
    if base_field is not None and isinstance(value, list):
        return [_python(base_field, item) if item is not None else None for item in value]
    if base_field is not None and isinstance(value, dict):
        return field.to_python(json.dumps(value))
    return field.to_python(value)


AuditEvent.FACTS = frozenset(
    name
    for field in AuditEvent._meta.concrete_fields
    if field.name != "routed_at"
    for name in (field.name, "pk" if field.primary_key else field.name)
)
