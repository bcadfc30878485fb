"""An event that never happened, of objects that need not be saved: for mails that are only looked at."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth import get_user_model
from django.db import models

from notifyaudit import clock
from notifyaudit.actions import known
from notifyaudit.identity import id_of, reference, repr_of
from notifyaudit.models import AuditEvent, Reason
from notifyaudit.subjects import Subject
from notifyaudit.values import mapping, pairs

if TYPE_CHECKING:
    from notifyaudit.emails import AuditEmail

READER = "reader@example.com"
"""Whom a sample is for if nobody is named."""

_EmailT = TypeVar("_EmailT", bound="AuditEmail")


def sample_of(
    email_class: type[_EmailT], action: str | None, *, recipient: Any, reason: Reason, **facts: Any
) -> _EmailT:
    """
    An instance of this class about such an event; the rest is that of :func:`sample_event`.

    Raises:
        ValueError: without an ``action``, if the class has only patterns.
        TypeError: if ``recipient`` is neither a user nor an address.
    """
    action = action or next((each for each in email_class.actions if "*" not in each), None)
    if action is None:
        raise ValueError(
            f"{email_class.__qualname__}.actions names no single action; say of which the sample is: "
            "cls.sample(SomeAction.DONE, …)."
        )
    event = sample_event(str(action), **facts)
    user, address = (None, recipient) if isinstance(recipient, str) else (recipient, _address(recipient))
    email = email_class(recipient_email_list=[address])
    email.event, email.events = event, (event,)
    email.recipient, email.reason = user, reason
    return email


def sample_event(
    action: str,
    *,
    target: models.Model | None = None,
    actor: Any = None,
    changes: Mapping[str, Sequence[Any]] | None = None,
    related: Iterable[models.Model] = (),
    data: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """
    What :func:`notifyaudit.record` would write; nothing is written, and nothing read.

    Raises:
        UnknownAction: if no ``Action`` declares it.
        TypeError: if ``changes`` or ``data`` are of the wrong form.
    """
    subject = Subject() if target is None else Subject.described(target)
    now = clock.now()
    event = AuditEvent(
        action=known.require(action),
        actor_id=id_of(actor) if isinstance(actor, get_user_model()) else "",
        actor_repr="" if actor is None else repr_of(actor),
        target_type=subject.type_name,
        target_id=subject.id,
        target_repr=subject.repr,
        ancestors=subject.ancestors,
        related=[reference(instance) for instance in related],
        changes=subject.mask.apply_to_changes(pairs(changes or {})),
        data=subject.mask.apply(mapping(data or {})),
        correlation_id="sample",
        occurred_at=now,
        recorded_at=now,
    )
    # In the place of the rows that it would look up.
    event.target, event.actor = target, actor
    return event


def _address(user: Any) -> str:
    if not isinstance(user, get_user_model()):
        raise TypeError(f"sample() got recipient={user!r}; give a user or an address, or leave it out.")
    return str(getattr(user, user.get_email_field_name()) or READER)
