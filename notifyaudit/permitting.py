"""Who may hear of an event at all: by what its email class withholds, its permission, or its own filter."""

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from notifyaudit import conf
from notifyaudit.emails import AuditEmail
from notifyaudit.identity import id_of, key_from
from notifyaudit.models import AuditEvent, SkipReason
from notifyaudit.permissions import are_rows
from notifyaudit.recipients import Recipient


def refusals(
    email_class: type[AuditEmail], event: AuditEvent, recipients: Collection[Recipient]
) -> Mapping[str, SkipReason]:
    """
    Whom of these the class must not tell of the event, by their keys, and why.

    Raises:
        TypeError: if ``get_withheld()`` returns something else than a mapping.
        Exception: whatever ``get_withheld()`` or ``filter_recipients()`` raises.
    """
    if not (recipients and asks(email_class)):
        return {}
    refused = _withheld(email_class, recipients)
    if _permits(email_class):
        allowed = _allowed(email_class, event, recipients)
        for each in recipients:
            # An address has no permissions, and a filter of one's own is asked for users.
            if each.user_id not in allowed if each.user_id else not _is_own(email_class, "filter_recipients"):
                refused[each.key] = SkipReason.PERMISSION
    return refused


def asks(email_class: type[AuditEmail]) -> bool:
    """Whether there is anything to ask."""
    return _permits(email_class) or _is_own(email_class, "get_withheld")


def is_of_event(email_class: type[AuditEmail]) -> bool:
    """Whether the answer can be another for another event; else one query answers for all."""
    return _permits(email_class) and (_is_own(email_class, "filter_recipients") or not are_rows())


def _permits(email_class: type[AuditEmail]) -> bool:
    return email_class.permission is not None or _is_own(email_class, "filter_recipients")


def _withheld(email_class: type[AuditEmail], recipients: Collection[Recipient]) -> dict[str, SkipReason]:
    withheld: Any = email_class.get_withheld(recipients)
    # A forgotten return must not tell those who are to be told nothing.
    if not isinstance(withheld, Mapping):
        raise TypeError(
            f"{email_class.__qualname__}.get_withheld() must return {{recipient.key: SkipReason}}, "
            f"an empty one for nobody, not {withheld!r}."
        )
    return {key: SkipReason(reason) for key, reason in withheld.items()}


def _allowed(
    email_class: type[AuditEmail], event: AuditEvent, recipients: Collection[Recipient]
) -> frozenset[str]:
    user_model = get_user_model()
    keys = {key_from(user_model, each.user_id) for each in recipients if each.user_id} - {None}
    users = user_model._base_manager.using(conf.current().DATABASE).filter(pk__in=keys)
    found = email_class.filter_recipients(users, event) if keys else ()
    pks = found.values_list("pk", flat=True) if isinstance(found, QuerySet) else [user.pk for user in found]
    return frozenset(id_of(user_model(pk=pk)) for pk in pks)


def _is_own(email_class: type[AuditEmail], hook: str) -> bool:
    theirs: Any = getattr(email_class, hook)
    return theirs.__func__ is not getattr(AuditEmail, hook).__func__
