"""Who of those that an event may concern is told: by which kind of email, how soon, and why or why not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from notifyaudit.digests import DigestEmail
from notifyaudit.emails import AuditEmail
from notifyaudit.frequency import Frequency
from notifyaudit.models import AuditEvent, Reason, SkipReason, Subscription
from notifyaudit.models.subscription import Matter
from notifyaudit.patterns import is_own
from notifyaudit.precedence import Row, Verdict, decide
from notifyaudit.recipients import Recipient
from notifyaudit.subscribers import Wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """
    The decision about one person.

    Args:
        email_class: ``None``: no class speaks of the action; a digest needs none.
        frequency: how soon they are told.
        is_held: whether their mail waits for a person's release.
        skip_reason: why they are not told; else empty.
    """

    recipient: Recipient
    reason: Reason
    email_class: type[AuditEmail] | None
    frequency: Frequency = Frequency.IMMEDIATE
    is_held: bool = False
    skip_reason: str = ""

    @property
    def carrier(self) -> type[AuditEmail]:
        """The class of the mail that tells them: their own, or the digest that collects for it."""
        if self.email_class is None:
            return DigestEmail
        return self.email_class if self.frequency == Frequency.IMMEDIATE else self.email_class.digest_class


def keys_about(email_classes: Iterable[type[AuditEmail]]) -> set[str]:
    """The keys of these classes and of what collects for them: by these people speak of their mails."""
    keys = {each.key for email_class in email_classes for each in (email_class, email_class.digest_class)}
    return keys or {DigestEmail.key}


Refusals = Mapping[str, Mapping[str, SkipReason]]
"""By the key of an email class, whom it must not tell, by their keys, and why."""


def of_named(
    event: AuditEvent,
    email_class: type[AuditEmail],
    recipient: Recipient,
    rows: list[Subscription],
    refusals: Refusals,
) -> Invitation:
    """For somebody whom the class names: they are told, unless they have said otherwise, or must not be."""
    verdict = verdict_of(event, email_class, rows)
    frequency = email_class.default_frequency if verdict is None else verdict.frequency
    invitation = Invitation(recipient=recipient, reason=Reason.NAMED, email_class=email_class)
    return _decided(invitation, event, rows, frequency, refusals)


def of_subscriber(
    event: AuditEvent, email_classes: Sequence[type[AuditEmail]], wishes: Wishes, refusals: Refusals
) -> list[Invitation]:
    """
    For somebody whom no class names: at most one of these tells them, the most specific class that they want
    to hear of and that may tell them. The others say why they do not. ``email_classes`` are those of the
    event's action, the most specific first.
    """
    if is_own(event.action) and all(row.matter == Matter.EVERYTHING for row in wishes.rows):
        return []  # who only wants silence need not be told that they are not told of the library's own
    invitations: list[Invitation] = []
    is_told = False
    for email_class in email_classes or (None,):
        verdict = verdict_of(event, email_class, wishes.rows)
        if verdict is None or (is_told and not verdict.row.email_key):
            continue
        invitation = Invitation(
            recipient=wishes.recipient, reason=_reason(verdict.row), email_class=email_class
        )
        invitation = _decided(invitation, event, wishes.rows, verdict.frequency, refusals)
        if is_told and not invitation.skip_reason:
            invitation = replace(invitation, skip_reason=SkipReason.COVERED)
        is_told = is_told or not invitation.skip_reason
        invitations.append(invitation)
    return invitations


def verdict_of(
    event: AuditEvent, email_class: type[AuditEmail] | None, rows: Iterable[Subscription]
) -> Verdict | None:
    """What these rows, all of which speak of the event, come to for this class; ``None``: nothing."""
    key = email_class.key if email_class else ""
    about = [_row(row, event, email_class) for row in rows if row.matter != Matter.EMAIL or row.name == key]
    return decide(about, mandatory=bool(email_class and email_class.mandatory))


def has_ended(digest_class: type[AuditEmail], event: AuditEvent, rows: Iterable[Subscription]) -> bool:
    """
    Whether these rows, all of which speak of the event, end a digest: a mute of its class. Whoever would be
    told through it is told nothing; what comes at once is another matter.
    """
    about = [row for row in rows if row.matter == Matter.EMAIL and row.name == digest_class.key]
    verdict = verdict_of(event, digest_class, about)
    return verdict is not None and verdict.frequency is None


def _row(row: Subscription, event: AuditEvent, email_class: type[AuditEmail] | None) -> Row:
    default = email_class.default_frequency if email_class else Frequency.DAILY
    return Row(
        id=row.pk,
        personal=not row.group_id,
        distance=_distance(row, event),
        email_key=row.name if row.matter == Matter.EMAIL else "",
        action=row.name if row.matter in {Matter.ACTION, Matter.PATTERN} else "",
        muted=row.muted,
        frequency=Frequency(row.frequency or default),
    )


def _distance(row: Subscription, event: AuditEvent) -> int | None:
    if not row.target_type:
        return None
    family = [(event.target_type, event.target_id)]
    family += [(ancestor["type"], ancestor["id"]) for ancestor in event.ancestors]
    return family.index((row.target_type, row.target_id))


def _reason(row: Row) -> Reason:
    if not row.personal:
        return Reason.MEMBER
    return Reason.SUBSCRIBED if row.distance is None else Reason.WATCHING


def _decided(
    invitation: Invitation,
    event: AuditEvent,
    rows: Sequence[Subscription],
    frequency: Frequency | None,
    refusals: Refusals,
) -> Invitation:
    email_class, recipient = invitation.email_class, invitation.recipient
    tells_actor = email_class is not None and email_class.notify_actor
    if not tells_actor and event.actor_id and recipient.user_id == event.actor_id:
        return replace(invitation, skip_reason=SkipReason.ACTOR)
    if frequency is None:
        return replace(invitation, skip_reason=SkipReason.MUTED)
    refused = refusals.get(email_class.key, {}) if email_class is not None else {}
    if recipient.key in refused:
        return replace(invitation, skip_reason=refused[recipient.key])
    invitation = replace(invitation, frequency=frequency)
    if invitation.carrier.collects and has_ended(invitation.carrier, event, rows):
        return replace(invitation, skip_reason=SkipReason.MUTED)
    return invitation
