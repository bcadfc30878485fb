"""Who acts on an object watches it from then on, where an email class says so and the person lets it."""

from collections.abc import Iterable

from notifyaudit import conf
from notifyaudit.contention import persistent
from notifyaudit.emails import AuditEmail
from notifyaudit.inviting import verdict_of
from notifyaudit.models import AuditEvent, Subscription
from notifyaudit.models.subscription import Matter
from notifyaudit.preferring import preference_of
from notifyaudit.recipients import Recipient
from notifyaudit.subscribers import Audience
from notifyaudit.subscribing import row_of


def let_actor_watch(event: AuditEvent, email_classes: Iterable[type[AuditEmail]]) -> None:
    """
    Subscribe the actor to those of these classes that say ``auto_subscribe``, for the event's target. Who
    has said anything of it, also that they want nothing, is left alone.
    """
    asking = [email_class for email_class in email_classes if email_class.auto_subscribe]
    if not (asking and event.actor_id and event.target_id) or event.actor is None:
        return
    actor = Recipient.of(event.actor)
    if not preference_of(actor).auto_subscribe:
        return
    said = Audience(event, [email_class.key for email_class in asking], size=500).of([actor])[actor.key]
    own = [row for row in said if not row.group_id]
    new = [email_class for email_class in asking if verdict_of(event, email_class, own) is None]
    if new:
        place = (event.target_type, event.target_id)
        _write([row_of(actor, Matter.EMAIL, email_class.key, *place) for email_class in new])


@persistent
def _write(rows: list[Subscription]) -> None:
    # Another worker that routes the same event may be first.
    Subscription.objects.using(conf.current().DATABASE).bulk_create(rows, ignore_conflicts=True)
