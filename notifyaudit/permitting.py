"""Who may hear of an event at all: by the permission of its email class, or by the class's own filter."""

from collections.abc import Collection

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from notifyaudit import conf
from notifyaudit.emails import AuditEmail
from notifyaudit.identity import id_of, key_from
from notifyaudit.models import AuditEvent
from notifyaudit.permissions import are_rows
from notifyaudit.recipients import Recipient


def forbidden(
    email_class: type[AuditEmail], event: AuditEvent, recipients: Collection[Recipient]
) -> frozenset[str]:
    """
    The keys of those of these whom the class must not tell of the event.

    Raises:
        Exception: whatever ``filter_recipients()`` raises.
    """
    if not asks(email_class):
        return frozenset()
    user_model = get_user_model()
    keys = {key_from(user_model, each.user_id) for each in recipients if each.user_id} - {None}
    users = user_model._base_manager.using(conf.current().DATABASE).filter(pk__in=keys)
    found = email_class.filter_recipients(users, event) if keys else ()
    pks = found.values_list("pk", flat=True) if isinstance(found, QuerySet) else [user.pk for user in found]
    allowed = {id_of(user_model(pk=pk)) for pk in pks}
    return frozenset(
        each.key
        for each in recipients
        # An address has no permissions, and a filter of one's own is asked for users.
        if (each.user_id not in allowed if each.user_id else not _filters(email_class))
    )


def asks(email_class: type[AuditEmail]) -> bool:
    """Whether there is anything to ask."""
    return email_class.permission is not None or _filters(email_class)


def is_of_event(email_class: type[AuditEmail]) -> bool:
    """Whether the answer can be another for another event; else one query answers for all."""
    return _filters(email_class) or not are_rows()


def _filters(email_class: type[AuditEmail]) -> bool:
    return email_class.filter_recipients.__func__ is not AuditEmail.filter_recipients.__func__  # type: ignore[attr-defined]
