"""When the open digests of people close: by their preferences, and anew when these change."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db.models.signals import post_save

from notifyaudit import clock, conf
from notifyaudit.frequency import Frequency
from notifyaudit.identity import id_of, key_from
from notifyaudit.inviting import Invitation
from notifyaudit.models import Message, MessageStatus, Preference
from notifyaudit.windows import next_close


def closings(invitations: Iterable[Invitation], now: datetime) -> Mapping[tuple[str, Frequency], datetime]:
    """When the window that is open now closes, by ``recipient.key`` and frequency; in one query."""
    invitations = list(invitations)
    preferences = _preferences(invitation.recipient.user_id for invitation in invitations)
    default = Preference()
    return {
        (invitation.recipient.key, invitation.frequency): closing(
            preferences.get(invitation.recipient.user_id, default), invitation.frequency, now
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
    """Let the digests that are open for this user close as the preference now says."""
    now = clock.now()
    waiting = Message.objects.using(conf.current().DATABASE).filter(
        recipient_id=id_of(preference.user), status=MessageStatus.OPEN, open_key__isnull=False
    )
    for frequency in set(waiting.values_list("frequency", flat=True)) - {Frequency.IMMEDIATE}:
        due_at = closing(preference, Frequency(frequency), now)
        waiting.filter(frequency=frequency).update(due_at=due_at)


def _on_save(instance: Preference, **_: object) -> None:
    reschedule(instance)


post_save.connect(_on_save, sender=Preference, dispatch_uid="notifyaudit.schedule")


def _preferences(user_ids: Iterable[str]) -> Mapping[str, Preference]:
    user_model = get_user_model()
    by_key = {key_from(user_model, user_id): user_id for user_id in user_ids if user_id}
    rows = Preference.objects.using(conf.current().DATABASE).filter(user__in=by_key) if by_key else ()
    return {by_key[row.user_id]: row for row in rows}
