"""
The storm guard: what an email class would tell above its limits becomes one summary, or is held for a person.

The summary is the recipient's next hourly digest, of the class's ``digest_class``.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from django.db.models import Count, QuerySet

from notifyaudit import clock, conf
from notifyaudit.emails import AuditEmail
from notifyaudit.frequency import Frequency
from notifyaudit.inviting import Invitation
from notifyaudit.models import AuditEvent, Message, MessageStatus, Notification, SkipReason

logger = logging.getLogger("notifyaudit")

_PERIOD = timedelta(hours=1)

_KEPT_BACK = (MessageStatus.HELD, MessageStatus.CANCELLED)


def limited(event: AuditEvent, invitations: Sequence[Invitation]) -> list[Invitation]:
    """
    The same, with those changed that are above a limit of their class. Whoever calls this holds the event's
    row, in a transaction. Workers that route several events at once may each be one mail too generous.
    """
    found = list(invitations)
    email_classes = {each.email_class for each in found if each.email_class is not None}
    for email_class in filter(_has_limit, email_classes):
        mails = frozenset(each.recipient.key for each in found if _is_mail_of(email_class, each))
        if mails and _is_above_for_event(event, email_class, len(mails)):
            above, change = mails, _kept_back
        else:
            above, change = _above_for_hour(email_class, mails), _summed_up
        found = [
            change(each) if each.recipient.key in above and _is_mail_of(email_class, each) else each
            for each in found
        ]
    return found


def _has_limit(email_class: type[AuditEmail]) -> bool:
    limits = (email_class.max_recipients_per_event, email_class.max_per_recipient_per_hour)
    return limits != (None, None)


def _is_mail_of(email_class: type[AuditEmail], invitation: Invitation) -> bool:
    return (
        invitation.email_class is email_class
        and not invitation.skip_reason
        and invitation.frequency == Frequency.IMMEDIATE
    )


def _is_above_for_event(event: AuditEvent, email_class: type[AuditEmail], count: int) -> bool:
    limit = email_class.max_recipients_per_event
    if limit is None:
        return False
    told = Notification.objects.using(conf.current().DATABASE).filter(
        event=event, email_key=email_class.key, message__isnull=False
    )
    if count + told.count() <= limit:
        return False
    logger.warning("event %s concerns more than %s recipients of %s", event.pk, limit, email_class.key)
    if email_class.above_limits == "hold":
        _hold_earlier(told)
    return True


def _hold_earlier(told: QuerySet[Notification]) -> None:
    """Those of earlier portions that no worker has taken up yet."""
    messages = Message.objects.using(conf.current().DATABASE)
    waiting = messages.filter(
        pk__in=list(told.values_list("message", flat=True)),
        status=MessageStatus.OPEN,
        lease_token__isnull=True,
        open_key__isnull=True,
    )
    held = list(waiting.values_list("pk", flat=True))
    waiting.filter(pk__in=held).update(status=MessageStatus.HELD)
    # Of those only that a worker has not taken up in between.
    told.filter(message__in=held, message__status=MessageStatus.HELD).update(skip_reason=SkipReason.STORM)


def _kept_back(invitation: Invitation) -> Invitation:
    if invitation.email_class and invitation.email_class.above_limits == "hold":
        return replace(invitation, is_held=True)
    return replace(invitation, frequency=Frequency.HOURLY)


def _above_for_hour(email_class: type[AuditEmail], keys: Collection[str]) -> frozenset[str]:
    """Who of these has had as many mails of this kind within the hour as they may."""
    limit = email_class.max_per_recipient_per_hour
    if limit is None or not keys:
        return frozenset()
    counts = (
        Message.objects.using(conf.current().DATABASE)
        .filter(recipient_key__in=keys, email_key=email_class.key, created_at__gt=clock.now() - _PERIOD)
        .exclude(status__in=_KEPT_BACK)
        .values("recipient_key")
        .annotate(count=Count("pk"))
        .filter(count__gte=limit)
        .order_by()
    )
    return frozenset(counts.values_list("recipient_key", flat=True))


def _summed_up(invitation: Invitation) -> Invitation:
    # Also what is held waits in one mail: nobody would release a thousand to the same person.
    kept = _kept_back(invitation)
    return replace(kept, frequency=Frequency.HOURLY)
