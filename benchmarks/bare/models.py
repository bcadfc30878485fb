"""Tables like the ledger's, without any of the library's code: what a row costs at least."""

from typing import Any

from django.db import models

from notifyaudit.models import AuditEvent, Message, Notification


def _bare(model: type[models.Model], name: str) -> Any:
    options = {
        "indexes": [
            models.Index(fields=index.fields, name=_named(index.name)) for index in model._meta.indexes
        ],
        "constraints": [
            models.UniqueConstraint(fields=constraint.fields, name=_named(constraint.name))
            for constraint in model._meta.constraints
            if isinstance(constraint, models.UniqueConstraint)
        ],
    }
    columns = {field.name: _column(field) for field in model._meta.concrete_fields if not field.primary_key}
    return type(name, (models.Model,), {"__module__": __name__, "Meta": type("Meta", (), options), **columns})


def _column(field: Any) -> Any:
    if not field.is_relation:
        return field.clone()
    # A clone() of one asks for all models, and these are being loaded.
    return models.ForeignKey(
        field.remote_field.model, models.DO_NOTHING, null=field.null, db_constraint=False, related_name="+"
    )


def _named(name: str) -> str:
    return name.replace("notifyaudit", "bare")


BareEvent = _bare(AuditEvent, "BareEvent")
BareMessage = _bare(Message, "BareMessage")
BareNotification = _bare(Notification, "BareNotification")
