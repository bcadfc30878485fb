"""Which kinds of email a person can choose about, and what they have chosen."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from notifyaudit import conf
from notifyaudit.emails import AuditEmail
from notifyaudit.frequency import Frequency
from notifyaudit.links import Reader
from notifyaudit.models import Notification, Subscription
from notifyaudit.registry import emails

USUAL = ""
"""Nothing is said: they are told as the class has it."""

OFF = "off"


def kinds_for(reader: Reader) -> list[type[AuditEmail]]:
    """
    The kinds of email, by label, without digests. Users see all. Others see what they have been told of, or
    have a subscription to: what happens in a project is not for whoever has got one mail from it.
    """
    by_key = {email_class.key: email_class for email_class in emails if not email_class.collects}
    if reader.user is None:
        by_key = {key: by_key[key] for key in _known_to(reader) if key in by_key}
    return sorted(
        by_key.values(), key=lambda email_class: (str(email_class.label).casefold(), email_class.key)
    )


def choice_of(email_class: type[AuditEmail], row: Subscription | None) -> str:
    """What a row about a kind comes to: a frequency, ``OFF`` or ``USUAL``."""
    if row is None:
        return USUAL
    if row.muted:
        return OFF
    return row.frequency or email_class.default_frequency.value


def choices_for(reader: Reader, email_class: type[AuditEmail], row: Subscription | None) -> list[Any]:
    """
    What can be chosen, as a form field takes it. To ask for all mails of a kind takes an account, or a
    subscription that there is already.
    """
    usual = _("As usual: %(frequency)s") % {"frequency": str(email_class.default_frequency.label).lower()}
    may_ask = reader.user is not None or (row is not None and not row.muted)
    every: list[Any] = [(_("All of them"), Frequency.choices)] if may_ask else []
    return [(USUAL, usual), *every, (OFF, _("Off"))]


def words_of(email_class: type[AuditEmail], choice: str) -> str:
    """The choice as people read it, in the ledger too."""
    if choice == USUAL:
        return _("As usual: %(frequency)s") % {"frequency": str(email_class.default_frequency.label).lower()}
    return _("Off") if choice == OFF else str(Frequency(choice).label)


def by_app(email_classes: Iterable[type[AuditEmail]]) -> dict[str, list[type[AuditEmail]]]:
    """The same, under the names of the apps that define them."""
    grouped: dict[str, list[type[AuditEmail]]] = {}
    for email_class in email_classes:
        config = apps.get_containing_app_config(email_class.__module__)
        name = str(config.verbose_name) if config else email_class.__module__.partition(".")[0]
        grouped.setdefault(str(capfirst(name)), []).append(email_class)
    return dict(sorted(grouped.items(), key=lambda item: item[0].casefold()))


def _known_to(reader: Reader) -> set[str]:
    alias, key = conf.current().DATABASE, reader.recipient.key
    told = Notification.objects.using(alias).filter(recipient_key=key)
    said = Subscription.objects.using(alias).filter(subscriber_key=key, target_type="")
    return {*told.values_list("email_key", flat=True).distinct(), *said.values_list("name", flat=True)}
