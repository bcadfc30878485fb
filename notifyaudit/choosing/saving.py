"""What becomes of a person's choices: rows, and an event that tells of them."""

from typing import Any

from django.db import transaction

from notifyaudit import conf
from notifyaudit.actions import SubscriptionAction
from notifyaudit.choosing import wording
from notifyaudit.choosing.forms import READING, PreferencesForm
from notifyaudit.choosing.kinds import OFF, USUAL, words_of
from notifyaudit.choosing.wishes import Wish
from notifyaudit.contention import persistent
from notifyaudit.emails import AuditEmail
from notifyaudit.frequency import Frequency
from notifyaudit.labels import readable_value
from notifyaudit.links import Reader
from notifyaudit.models import Preference
from notifyaudit.recording import record
from notifyaudit.subscribing import end, mute, subscribe, unsubscribe

Changes = dict[str, tuple[str, str]]
"""What was chosen before, and now, as people read it; by what it is about."""


def subscriber_of(reader: Reader) -> Any:
    """The reader as :func:`notifyaudit.subscribe` knows them."""
    return reader.user if reader.user is not None else reader.recipient.address


@persistent
def save(reader: Reader, form: PreferencesForm) -> bool:
    """
    Write down what a valid form has chosen, all of it or nothing.

    Returns:
        whether something was another way before.
    """
    changes: Changes = {}
    with transaction.atomic(using=conf.current().DATABASE):
        chosen = form.chosen()
        for name, value in chosen.items():
            if name in form.kinds:
                _choose(reader, form.kinds[name], value)
            elif name in form.rows:
                _change(reader, form.rows[name], value)
            _add(changes, *_in_words(form, name, value))
        if form.silence and any(chosen.get(name) in Frequency.values for name in form.kinds):
            # To ask for a kind of email lifts the mute of everything.
            _add(changes, form.silence.about, form.silence.how_soon, readable_value(None))
        reading = {name: chosen[name] for name in READING if name in chosen}
        if reading:
            _write_preference(reader, reading)
        tell(reader, changes)
    return bool(changes)


@persistent
def end_wish(reader: Reader, wish: Wish) -> bool:
    """
    Take one row of the reader's back.

    Returns:
        whether it was still there.
    """
    with transaction.atomic(using=conf.current().DATABASE):
        if not end(subscriber_of(reader), wish.row.key):
            return False
        about = f"{wish.name}: {wish.about}" if wish.row.target_type and wish.about else wish.about
        tell(reader, {about or wish.name: (wish.how_soon, readable_value(None))})
        return True


def tell(reader: Reader, changes: Changes) -> None:
    """Record that somebody has changed what they are told. A plain address is not written down."""
    if changes:
        record(
            SubscriptionAction.PREFERENCES_CHANGED,
            actor=reader.user,
            changes=changes,
            data={"reader": reader.name},
        )


def _choose(reader: Reader, email_class: type[AuditEmail], choice: str) -> None:
    subscriber = subscriber_of(reader)
    if choice == USUAL:
        unsubscribe(subscriber, email_class)
    elif choice == OFF:
        mute(subscriber, email_class)
    else:
        subscribe(subscriber, email_class, frequency=choice)


def _change(reader: Reader, wish: Wish, frequency: str) -> None:
    subscribe(
        subscriber_of(reader),
        wish.what,
        target=wish.target,
        frequency=frequency,
        where=wish.row.condition,
    )


def _write_preference(reader: Reader, values: dict[str, Any]) -> None:
    owner: dict[str, Any] = {"address_key": reader.recipient.key}
    new = {"address": reader.recipient.address}
    if reader.user is not None:
        owner, new = {"user_id": reader.user.pk}, {}
    rows = Preference.objects.using(conf.current().DATABASE)
    # It saves, and so tells the digests that are open.
    rows.update_or_create(**owner, defaults=values, create_defaults={**new, **values})


def _in_words(form: PreferencesForm, name: str, value: Any) -> tuple[str, str, str]:
    before = form.initial.get(name)
    label = str(form.fields[name].label)
    if name in form.kinds:
        email_class = form.kinds[name]
        return label, words_of(email_class, str(before)), words_of(email_class, value)
    if name in form.rows:
        wish = form.rows[name]
        about = f"{label}: {wish.about}" if wish.about else label
        return about, wish.how_soon, wording.frequency_of(value)
    return label, _read(form, name, before), _read(form, name, value)


def _read(form: PreferencesForm, name: str, value: Any) -> str:
    """The label of a choice; a time zone has its name."""
    field = form.fields[name]
    choices = dict(getattr(field, "choices", getattr(field.widget, "choices", ())))
    return str(choices.get(value, value))


def _add(changes: Changes, what: str, before: str, after: str) -> None:
    number = 2
    key = what
    while key in changes:  # two things that are called the same
        key = f"{what} ({number})"
        number += 1
    changes[key] = (before, after)
