"""A table like the ledger's, without any of the library's code: what a row costs at least."""

from django.db import models

from notifyaudit.models import AuditEvent

BareEvent = type(
    "BareEvent",
    (models.Model,),
    {
        "__module__": __name__,
        "Meta": type(
            "Meta",
            (),
            {
                "indexes": [
                    models.Index(fields=index.fields, name=index.name.replace("notifyaudit", "bare"))
                    for index in AuditEvent._meta.indexes
                ],
                "constraints": [
                    models.UniqueConstraint(fields=["source", "source_ref"], name="bare_event_source"),
                ],
            },
        ),
        **{field.name: field.clone() for field in AuditEvent._meta.concrete_fields if not field.primary_key},
    },
)
