"""Whether people still want and may hear of what was routed to them, when a mail is about to leave."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model

from notifyaudit import conf, inviting, permitting
from notifyaudit.identity import key_from
from notifyaudit.isolation import isolated
from notifyaudit.models import AuditEvent, Message, Notification, Reason, SkipReason, Subscription
from notifyaudit.precedence import Verdict
from notifyaudit.recipients import Recipient
from notifyaudit.registry import emails
from notifyaudit.subscribers import concerns, memberships

if TYPE_CHECKING:
    from notifyaudit.emails import AuditEmail


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


@dataclass(frozen=True, slots=True)
class Review:
    """
    Args:
        withdrawn: what the mail must not tell of any more.
        error: what an email class raised when it was asked who may hear of an event; the mail must wait.
        watched: ``(type, id)`` of the object because of which the reader is told of the newest event: it, or
            what it belongs to; ``None``: they are told for another reason.
    """

    withdrawn: Withdrawn
    error: Exception | None
    watched: tuple[str, str] | None


def review(messages: Sequence[Message], told: Mapping[int, Sequence[Told]]) -> Mapping[int, Review]:
    """
    What each message must not tell of any more: muted since, the subscription is gone, or so is the
    permission, or it is withheld by now. At most three queries for a batch, and one more for each class that
    has a permission; for each of its events, if the class has a filter of its own.

    Args:
        messages: about to leave.
        told: what is in each, by its key.
    """
    wishes = _wishes_of(messages)
    refusals = _refusals(messages, told)
    found = {}
    for message in messages:
        rows = wishes[message.recipient_key]
        withdrawn: dict[int, SkipReason] = {}
        error = watched = None
        for each in told[message.pk]:
            refusal = refusals.get(each.notification_id)
            about = [row for row in rows if concerns(row, each.event)]
            verdict = inviting.verdict_of(each.event, emails.get(each.email_key), about)
            against = _against(each, about, verdict, message)
            if against is None and isinstance(refusal, SkipReason):
                against = refusal
            if against is not None:
                withdrawn[each.notification_id] = against
                continue
            watched = _watched(each, about, verdict)
            if isinstance(refusal, Exception):
                error = refusal
        found[message.pk] = Review(withdrawn, error, watched)
    return found


def recipient_of(message: Message) -> Recipient:
    """Whom the message is for, as routing named them."""
    return Recipient(message.recipient_key, message.recipient_id, message.address)


def write_down(withdrawn: Withdrawn) -> None:
    """Say in the ledger what the mail that has left did not tell of."""
    notifications = Notification.objects.using(conf.current().DATABASE)
    for reason in set(withdrawn.values()):
        pks = [pk for pk, each in withdrawn.items() if each == reason]
        notifications.filter(pk__in=pks).update(skip_reason=reason)


def _against(
    told: Told, about: list[Subscription], verdict: Verdict | None, message: Message
) -> SkipReason | None:
    if verdict is None and told.reason in _ASKED:
        return SkipReason.UNSUBSCRIBED
    if verdict is not None and verdict.frequency is None:
        return SkipReason.MUTED
    carrier = emails.get(message.email_key)
    has_ended = carrier is not None and carrier.collects and inviting.has_ended(carrier, told.event, about)
    return SkipReason.MUTED if has_ended else None


def _watched(told: Told, about: list[Subscription], verdict: Verdict | None) -> tuple[str, str] | None:
    if told.reason != Reason.WATCHING or verdict is None:
        return None
    decisive = [row for row in about if row.pk == verdict.row.id]
    return next(((row.target_type, row.target_id) for row in decisive if row.target_type), None)


def _refusals(
    messages: Iterable[Message], told: Mapping[int, Sequence[Told]]
) -> Mapping[int, SkipReason | Exception]:
    """Why they must not hear of it, or what the class raised, by the key of the notification."""
    asked: dict[tuple[type[AuditEmail], int], dict[int, Recipient]] = defaultdict(dict)
    events: dict[int, AuditEvent] = {}
    for message in messages:
        recipient = recipient_of(message)
        for each in told[message.pk]:
            email_class = emails.get(each.email_key)
            if email_class is not None and permitting.asks(email_class):
                # Where the event makes no difference, whichever comes first answers for all.
                subject = each.event.pk if permitting.is_of_event(email_class) else 0
                events.setdefault(subject, each.event)
                asked[email_class, subject][each.notification_id] = recipient
    refusals: dict[int, SkipReason | Exception] = {}
    for (email_class, subject), recipients in asked.items():
        try:
            with isolated():
                # Somebody has as many notifications here as a digest has events, and is asked about once.
                people = {each.key: each for each in recipients.values()}
                refused = permitting.refusals(email_class, events[subject], list(people.values()))
        except Exception as error:  # noqa: BLE001 - written to the ledger as that of each mail concerned
            refusals |= dict.fromkeys(recipients, error)
        else:
            refusals |= {pk: refused[each.key] for pk, each in recipients.items() if each.key in refused}
    return refusals


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
