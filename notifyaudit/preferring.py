"""What people prefer, looked up for many at once, and made for addresses that have no row yet."""

from collections.abc import Collection, Iterable, Mapping

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from notifyaudit import conf
from notifyaudit.contention import persistent
from notifyaudit.identity import key_from
from notifyaudit.models import Preference
from notifyaudit.recipients import Recipient


def preferences_of(recipients: Collection[Recipient]) -> Mapping[str, Preference]:
    """The rows of those who have one, by ``recipient.key``; in one query."""
    user_model = get_user_model()
    users = {key_from(user_model, each.user_id): each.key for each in recipients if each.user_id}
    addresses = {each.key for each in recipients if not each.user_id}
    if not users and not addresses:
        return {}
    # One of an OR of two is slower than the one alone, and mostly there is only one.
    asked = Q(user__in=users) if users else Q()
    if addresses:
        asked |= Q(address_key__in=addresses)
    return {row.address_key or users[row.user_id]: row for row in _rows().filter(asked)}


def preference_of(recipient: Recipient) -> Preference:
    """Theirs; not saved, where they have none."""
    found = preferences_of([recipient]).get(recipient.key)
    return found if found is not None else _new(recipient)


def needs_row(recipient: Recipient) -> bool:
    """Whether a link can name them by a row only, since all else about them is an address."""
    return not recipient.user_id or "@" in recipient.user_id


@persistent
def ensure_rows(recipients: Iterable[Recipient]) -> None:
    """Give each of these a row, so that a link can name them without telling an address."""
    rows = [_new(each) for each in recipients]
    _rows().bulk_create(rows, ignore_conflicts=True)


def _new(recipient: Recipient) -> Preference:
    if recipient.user_id:
        return Preference(user_id=key_from(get_user_model(), recipient.user_id))
    return Preference(address_key=recipient.key, address=recipient.address)


def recipient_of(preference: Preference) -> Recipient:
    """Whose row it is."""
    if preference.address_key:
        return Recipient(preference.address_key, address=preference.address)
    return Recipient.of(preference.user)


def _rows() -> QuerySet[Preference]:
    return Preference.objects.using(conf.current().DATABASE)
