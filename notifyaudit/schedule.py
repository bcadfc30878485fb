"""When the open digests of people close: by their preferences, and anew when these change."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models.signals import post_save

from notifyaudit import clock, conf
from notifyaudit.frequency import Frequency
from notifyaudit.inviting import Invitation
from notifyaudit.models import Message, MessageStatus, Preference
from notifyaudit.preferring import preferences_of, recipient_of
from notifyaudit.windows import next_close


def closings(invitations: Iterable[Invitation], now: datetime) -> Mapping[tuple[str, Frequency], datetime]:
    """When the window that is open now closes, by ``recipient.key`` and frequency; in one query."""
    invitations = list(invitations)
    preferences = preferences_of([invitation.recipient for invitation in invitations])
    default = Preference()
    return {
        (invitation.recipient.key, invitation.frequency): closing(
            preferences.get(invitation.recipient.key, default), invitation.frequency, now
        )
        for invitation in invitations
    }


def closing(preference: Preference, frequency: Frequency, now: datetime) -> datetime:
    """When the window of this person that is open now closes."""
    return next_close(
        now,
        frequency,
        zone=preference.timezone,
        hour=preference.digest_hour,
        weekday=preference.digest_weekday,
    )


def reschedule(preference: Preference) -> None:
    """Let the digests that are open for this reader close as the preference now says."""
    now = clock.now()
    waiting = Message.objects.using(conf.current().DATABASE).filter(
        recipient_key=recipient_of(preference).key, status=MessageStatus.OPEN, open_key__isnull=False
    )
    for frequency in set(waiting.values_list("frequency", flat=True)) - {Frequency.IMMEDIATE}:
        due_at = closing(preference, Frequency(frequency), now)
        waiting.filter(frequency=frequency).update(due_at=due_at)


def _on_save(instance: Preference, **_: object) -> None:
    reschedule(instance)


post_save.connect(_on_save, sender=Preference, dispatch_uid="notifyaudit.schedule")
