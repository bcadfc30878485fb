"""What people want to hear of: ``subscribe()``, ``unsubscribe()`` and ``mute()``."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group
from django.db import IntegrityError, models, transaction
from django.db.models import QuerySet

from notifyaudit import conditions, conf
from notifyaudit.actions import known
from notifyaudit.emails import AuditEmail
from notifyaudit.exceptions import InvalidRecipient, UnknownAction
from notifyaudit.frequency import Frequency
from notifyaudit.identity import id_of
from notifyaudit.models import Subscription
from notifyaudit.models.subscription import Matter
from notifyaudit.patterns import is_pattern, matches
from notifyaudit.recipients import Recipient
from notifyaudit.subjects import Subject

What = str | type[AuditEmail]


def subscribe(
    subscriber: Any,
    what: What,
    *,
    target: models.Model | None = None,
    frequency: Frequency | str | None = None,
    where: Mapping[str, Any] | None = None,
) -> Subscription:
    """
    Have somebody told. Said again, it replaces what was said before of the same; it lifts a :func:`mute`
    of the same, and one of everything within the same target.

    Args:
        subscriber: a user, a ``Group`` whose members are meant as of then, or an address.
        what: an action, a pattern (``"inspection.*"``, ``"*"``), or an email class.
        target: only about this object and its children.
        frequency: ``None``: the ``default_frequency`` of the email class.
        where: only of such changes: ``{"status": "completed"}``, ``{"price__gt": 100}``.

    Raises:
        UnknownAction: if no ``Action`` declares it, or none that the pattern means.
        InvalidRecipient: if the subscriber is none of these, or is not saved.
        UnsavedTarget, WrongDatabase: see :func:`notifyaudit.record`.
        TypeError, ValueError: if ``what``, ``frequency`` or ``where`` is of the wrong form.
    """
    topic = _topic(subscriber, what, target, where or {})
    chosen = Frequency(frequency).value if frequency is not None else ""
    with transaction.atomic(using=conf.current().DATABASE):
        _rows().filter(
            subscriber_key=topic["subscriber_key"],
            matter=Matter.EVERYTHING,
            target_type=topic["target_type"],
            target_id=topic["target_id"],
        ).delete()
        return _write(topic, muted=False, frequency=chosen)


def unsubscribe(
    subscriber: Any,
    what: What | None = None,
    *,
    target: models.Model | None = None,
    where: Mapping[str, Any] | None = None,
) -> int:
    """
    Take back what :func:`subscribe` or :func:`mute` has said of exactly this. Who is named by an email class
    is told all the same: see :func:`mute`.

    Returns:
        how many rows there were: 0 or 1.

    Raises:
        as :func:`subscribe`, save for ``frequency``.
    """
    topic = _topic(subscriber, what, target, where or {})
    return _rows().filter(key=key_of(topic)).delete()[0]


def mute(subscriber: Any, what: What | None = None, *, target: models.Model | None = None) -> Subscription:
    """
    Tell somebody nothing of this, save mandatory mail. Without ``what`` it silences everything about the
    target and its children (without one: everything), whatever else was said.

    Raises:
        as :func:`subscribe`.
    """
    return _write(_topic(subscriber, what, target, {}), muted=True, frequency="")


def end(subscriber: Any, key: str) -> int:
    """
    As :func:`unsubscribe`, by the key of the row: also where its object is gone, or its action is no longer
    declared. A row of somebody else is left alone.

    Returns:
        how many rows there were: 0 or 1.

    Raises:
        InvalidRecipient: if the subscriber is none.
    """
    subscriber_key = _subscriber(subscriber)["subscriber_key"]
    return _rows().filter(key=key, subscriber_key=subscriber_key).delete()[0]


def row_of(
    recipient: Recipient, matter: Matter, name: str, target_type: str, target_id: str, *, muted: bool = False
) -> Subscription:
    """The row, not saved, about what is known by its name: the object may be gone, and the class."""
    topic = {
        **_of_recipient(recipient),
        "matter": matter,
        "name": name,
        "target_type": target_type,
        "target_id": target_id,
        "condition": {},
    }
    return Subscription(key=key_of(topic), muted=muted, **topic)


def _topic(
    subscriber: Any, what: What | None, target: models.Model | None, where: Mapping[str, Any]
) -> dict[str, Any]:
    subject = Subject.of(target) if target is not None else Subject()
    matter, name = _matter(what)
    return {
        **_subscriber(subscriber),
        "matter": matter,
        "name": name,
        "target_type": subject.type_name,
        "target_id": subject.id,
        "condition": conditions.parse(where),
    }


def _subscriber(subscriber: Any) -> dict[str, str]:
    if isinstance(subscriber, Group):
        if subscriber.pk is None:
            raise InvalidRecipient(subscriber)
        group_id = id_of(subscriber)
        return {"subscriber_key": f"group:{group_id}", "group_id": group_id, "user_id": "", "address": ""}
    return _of_recipient(Recipient.of(subscriber))


def _of_recipient(recipient: Recipient) -> dict[str, str]:
    return {
        "subscriber_key": recipient.key,
        "group_id": "",
        "user_id": recipient.user_id,
        "address": recipient.address,
    }


def _matter(what: Any) -> tuple[Matter, str]:
    if what is None:
        return Matter.EVERYTHING, ""
    if isinstance(what, type) and issubclass(what, AuditEmail):
        return Matter.EMAIL, what.key
    if not isinstance(what, str):
        raise TypeError(f"an action, a pattern or an email class is needed, not {what!r}.")
    if not is_pattern(what):
        return Matter.ACTION, known.require(what)
    # Of an action, all patterns of this form are known without a look at those that people have chosen.
    stem = what.removesuffix("*")
    if stem == what or is_pattern(stem) or (stem and not stem.endswith(".")):
        raise ValueError(
            f"a pattern to subscribe to is '*', or ends with '.*' as 'inspection.*' does, not {what!r}."
        )
    if not any(matches(value, what) for value in known.values()):
        raise UnknownAction(what, known.values())
    return Matter.PATTERN, what


def _write(topic: dict[str, Any], **values: Any) -> Subscription:
    # As update_or_create() does it, whose get() is a query in a loop to django-zeal where somebody writes
    # several rows: they are several statements, and no reading of them beforehand would make them fewer.
    key, given = key_of(topic), {**topic, **values}
    alias = conf.current().DATABASE
    with transaction.atomic(using=alias):
        found = _rows().select_for_update().filter(key=key)
        row = found.first()
        if row is None:
            try:
                with transaction.atomic(using=alias):
                    return _rows().create(key=key, **given)
            except IntegrityError:
                row = found.first()  # another process was first
                if row is None:
                    raise
        for name, value in given.items():
            setattr(row, name, value)
        row.save(using=alias, update_fields=list(given))
        return row


def key_of(topic: Mapping[str, Any]) -> str:
    """What makes a row the only one of its subscriber, matter, target and condition."""
    names = ("subscriber_key", "matter", "name", "target_type", "target_id")
    parts = [*(str(topic[name]) for name in names), conditions.key_of(topic["condition"])]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _rows() -> QuerySet[Subscription]:
    return Subscription.objects.using(conf.current().DATABASE)
