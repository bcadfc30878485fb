"""Whether people still want, when a mail is about to leave, what was routed to them then."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth import get_user_model

from notifyaudit import conf, inviting
from notifyaudit.identity import key_from
from notifyaudit.models import AuditEvent, Message, Notification, Reason, SkipReason, Subscription
from notifyaudit.registry import emails
from notifyaudit.subscribers import concerns, memberships


@dataclass(frozen=True, slots=True)
class Told:
    """A notification with its event: that somebody is told of it, by which kind of email, and why."""

    notification_id: int
    event: AuditEvent
    email_key: str
    reason: str


_ASKED = frozenset({Reason.WATCHING, Reason.SUBSCRIBED, Reason.MEMBER})
"""Who is told for such a reason has, or had, a row that says so."""

Withdrawn = Mapping[int, SkipReason]
"""Why somebody is not told any more, by the key of the notification."""


def withdrawn(messages: Sequence[Message], told: Mapping[int, Sequence[Told]]) -> Mapping[int, Withdrawn]:
    """
    What each message must not tell of any more: muted since, or the subscription is gone. At most three
    queries for a batch, however many events there are.

    Args:
        messages: about to leave.
        told: what is in each, by its key.
    """
    wishes = _wishes_of(messages)
    found = {}
    for message in messages:
        rows = wishes[message.recipient_key]
        reasons = {each.notification_id: _against(each, rows, message) for each in told[message.pk]}
        found[message.pk] = {pk: reason for pk, reason in reasons.items() if reason is not None}
    return found


def write_down(withdrawn: Withdrawn) -> None:
    """Say in the ledger what the mail that has left did not tell of."""
    notifications = Notification.objects.using(conf.current().DATABASE)
    for reason in set(withdrawn.values()):
        pks = [pk for pk, each in withdrawn.items() if each == reason]
        notifications.filter(pk__in=pks).update(skip_reason=reason)


def _against(told: Told, rows: list[Subscription], message: Message) -> SkipReason | None:
    has_asked = told.reason in _ASKED
    if not has_asked and not rows:
        return None
    about = [row for row in rows if concerns(row, told.event)]
    verdict = inviting.verdict_of(told.event, emails.get(told.email_key), about)
    if verdict is None and has_asked:
        return SkipReason.UNSUBSCRIBED
    if verdict is not None and verdict.frequency is None:
        return SkipReason.MUTED
    carrier = emails.get(message.email_key)
    has_ended = carrier is not None and carrier.collects and inviting.has_ended(carrier, told.event, about)
    return SkipReason.MUTED if has_ended else None


def _wishes_of(messages: Iterable[Message]) -> defaultdict[str, list[Subscription]]:
    rows = Subscription.objects.using(conf.current().DATABASE)
    keys = {message.recipient_id: message.recipient_key for message in messages}
    wishes: defaultdict[str, list[Subscription]] = defaultdict(list)
    for row in rows.filter(subscriber_key__in={message.recipient_key for message in messages}):
        wishes[row.subscriber_key].append(row)
    by_group = defaultdict(list)
    user_model = get_user_model()
    users = {key_from(user_model, user_id): user_id for user_id in keys if user_id}
    pairs = memberships(users)
    for row in rows.filter(group_id__in={group_id for _, group_id in pairs}) if pairs else ():
        by_group[row.group_id].append(row)
    for user_key, group_id in pairs:
        wishes[keys[users[user_key]]] += by_group[group_id]
    return wishes
