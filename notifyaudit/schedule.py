"""When the open digests of people close: by their preferences, and anew when these change."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models.signals import post_save

from notifyaudit import clock, conf
from notifyaudit.frequency import Frequency
from notifyaudit.inviting import Invitation
from notifyaudit.isolation import isolated
from notifyaudit.models import Message, MessageStatus, Preference
from notifyaudit.preferring import preferences_of, recipient_of
from notifyaudit.reading import asked_safely, users_of, zone_of
from notifyaudit.recipients import Recipient
from notifyaudit.windows import next_close


def closings(invitations: Iterable[Invitation], now: datetime) -> Mapping[tuple[str, Frequency], datetime]:
    """When the window that is open now closes, by ``recipient.key`` and frequency; in one query."""
    invitations = list(invitations)
    recipients = {invitation.recipient.key: invitation.recipient for invitation in invitations}
    preferences = {key: Preference() for key in recipients} | dict(preferences_of(recipients.values()))
    zones = _zones_of(recipients, preferences)
    return {
        (key, invitation.frequency): closing(preferences[key], invitation.frequency, now, zone=zones[key])
        for invitation in invitations
        for key in [invitation.recipient.key]
    }


def closing(preference: Preference, frequency: Frequency, now: datetime, *, zone: str) -> datetime:
    """When the window that is open now closes for somebody in this time zone."""
    return next_close(
        now, frequency, zone=zone, hour=preference.digest_hour, weekday=preference.digest_weekday
    )


def _zones_of(
    recipients: Mapping[str, Recipient], preferences: Mapping[str, Preference]
) -> Mapping[str, str]:
    """The time zone of each; who has chosen none is looked up for the project's function, with all others."""
    asked = {key: each.user_id for key, each in recipients.items() if not preferences[key].timezone}
    users = users_of(asked.values()) if conf.current().RECIPIENT_TIMEZONE else {}
    people = {key: users.get(recipient.user_id) for key, recipient in recipients.items()}
    try:
        with isolated():
            return {key: zone_of(user, preferences[key]) for key, user in people.items()}
    except Exception:  # noqa: BLE001 - the project's function; of one of them, so each is asked alone
        return {key: asked_safely(zone_of, user, preferences[key]) for key, user in people.items()}


def reschedule(preference: Preference) -> None:
    """Let the digests that are open for this reader close as the preference now says."""
    now = clock.now()
    waiting = Message.objects.using(conf.current().DATABASE).filter(
        recipient_key=recipient_of(preference).key, status=MessageStatus.OPEN, open_key__isnull=False
    )
    frequencies = set(waiting.values_list("frequency", flat=True)) - {Frequency.IMMEDIATE}
    if not frequencies:
        return
    zone = asked_safely(zone_of, preference.user, preference)
    for frequency in frequencies:
        due_at = closing(preference, Frequency(frequency), now, zone=zone)
        waiting.filter(frequency=frequency).update(due_at=due_at)


def _on_save(instance: Preference, **_: object) -> None:
    reschedule(instance)


post_save.connect(_on_save, sender=Preference, dispatch_uid="notifyaudit.schedule")
