"""A kind of email that is rolled out by a flag of django-waffle: decided person by person, and stable."""

import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import waffle
from django.contrib.auth.models import AnonymousUser
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from waffle.utils import get_setting

from notifyaudit.emails import AuditEmail
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.identity import id_of
from notifyaudit.models import SkipReason
from notifyaudit.preferring import preferences_of
from notifyaudit.reading import language_of, users_of
from notifyaudit.recipients import Recipient
from notifyaudit.registry import emails
from notifyaudit.subscribers import memberships

if TYPE_CHECKING:
    from waffle.models import AbstractBaseFlag

    _Base = AuditEmail
else:
    _Base = object


class FlagMixin(_Base):
    """
    Tells only those for whom a flag is active, when an event is routed and when the mail leaves::

        class InspectionCompletedEmail(FlagMixin, AuditEmail):
            flag = "mails_on_completion"

    Decided in this order: a flag that is not there counts as ``WAFFLE_FLAG_DEFAULT``; ``everyone``, if it is
    not ``None``; one of its ``languages`` is that of the mail; ``is_active_for_user()``, if it is not
    ``None``; else whether the person belongs to the ``percent``, see :func:`is_within`. What a flag asks of
    a request (``testing``, cookies, ``WAFFLE_OVERRIDE``) is not asked: there is none.
    """

    flag: str = ""
    """The name of the flag. A base class for others need not have one."""

    def __init_subclass__(cls, **options: Any) -> None:
        """
        Raises:
            ConfigurationError: if ``flag`` is no string, the mixin stands behind ``AuditEmail``, where it
                would not be asked, or the class is a digest.
        """
        super().__init_subclass__(**options)
        if not isinstance(cls.flag, str):
            raise ConfigurationError(f"{cls.__qualname__}.flag must be the name of a flag, not {cls.flag!r}.")
        order: list[type] = list(cls.__mro__)
        if AuditEmail not in order:
            return
        if order.index(FlagMixin) > order.index(AuditEmail):
            right = sorted(cls.__bases__, key=lambda base: not issubclass(base, FlagMixin))
            raise ConfigurationError(
                f"{cls.__qualname__}: FlagMixin must stand first, or its flag is never asked: "
                f"class {cls.__name__}({', '.join(base.__name__ for base in right)})."
            )
        if cls.collects:
            raise ConfigurationError(
                f"{cls.__qualname__} is a digest, and has no flag of its own. Set 'flag' on the email "
                "classes that it collects for: of what is withheld from a person their digest does not tell."
            )

    @classmethod
    def get_withheld(cls, recipients: Collection[Recipient]) -> Mapping[str, SkipReason]:
        """
        Those for whom the flag is not active, besides those of the classes behind it.

        Raises:
            ConfigurationError: if the class has no ``flag``.
            ImproperlyConfigured: if waffle or its flag model is not installed.
        """
        if not cls.flag:
            raise ConfigurationError(f"{cls.__qualname__} has no flag. Set 'flag' to the name of one.")
        off = _inactive(cls.flag, recipients)
        return {**dict.fromkeys(off, SkipReason.FLAG), **super().get_withheld(recipients)}


def is_within(percent: Any, flag: str, recipient_key: str) -> bool:
    """
    Whether somebody belongs to the first so many percent of all. Who does still does when there are more,
    and of another flag others do. waffle draws lots for each request instead, and keeps them in a cookie.

    Args:
        percent: a number from 0 to 100, or ``None`` for 0.
        flag: its name.
        recipient_key: ``user:<id>`` or ``mail:<address>``, as in the ledger.
    """
    drawn = int.from_bytes(hashlib.sha256(f"{flag}:{recipient_key}".encode()).digest()[:8])
    return drawn * 100 < (percent or 0) * 2**64


def _inactive(name: str, recipients: Collection[Recipient]) -> Collection[str]:
    keys = [each.key for each in recipients]
    flag = _flag(name)
    if flag is None:
        return () if get_setting("FLAG_DEFAULT") else keys
    if flag.everyone is not None:
        return () if flag.everyone else keys
    users = users_of({each.user_id for each in recipients if each.user_id})
    # Of a user who is gone the ledger says that, and not that a flag was against it.
    there = [each for each in recipients if not each.user_id or each.user_id in users]
    speakers = _speakers(flag, there, users)
    verdicts = _verdicts(flag, {**users, "": AnonymousUser()})
    return [
        each.key
        for each in there
        if each.key not in speakers
        and not _or(verdicts[each.user_id], is_within(flag.percent, flag.name, each.key))
    ]


def _or(verdict: bool | None, otherwise: bool) -> bool:  # noqa: FBT001
    return otherwise if verdict is None else verdict


def _flag(name: str) -> "AbstractBaseFlag | None":
    """
    From the database and not from waffle's cache, which with Django's default lives in another process than
    the one where a flag is changed. As waffle does, it is logged or made if it is not there.
    """
    model = waffle.get_waffle_flag_model()
    try:
        return model.get_from_db(name)
    except model.DoesNotExist:
        if level := get_setting("LOG_MISSING_FLAGS"):
            logging.getLogger("waffle").log(level, "Flag %s not found", name)
        if get_setting("CREATE_MISSING_FLAGS"):
            model.objects.get_or_create(name=name, defaults={"everyone": get_setting("FLAG_DEFAULT")})
        return None


def _speakers(
    flag: "AbstractBaseFlag", recipients: Collection[Recipient], users: Mapping[str, Any]
) -> Collection[str]:
    """Who reads in one of the flag's languages: a mail has one as a request has."""
    languages = {each.strip() for each in flag.languages.split(",")} - {""}
    if not languages:
        return ()
    preferences = preferences_of(recipients)
    return {
        each.key
        for each in recipients
        if language_of(users.get(each.user_id), preferences.get(each.key)) in languages
    }


def _verdicts(flag: "AbstractBaseFlag", users: Mapping[str, Any]) -> Mapping[str, bool | None]:
    """What ``is_active_for_user()`` says of each; by their ids."""
    from waffle.models import AbstractBaseFlag, AbstractUserFlag  # noqa: PLC0415 - waffle must be installed

    if type(flag).is_active_for_user is not AbstractUserFlag.is_active_for_user:
        return {user_id: flag.is_active_for_user(user) for user_id, user in users.items()}
    # waffle's own asks the database for the groups of each user; here it is asked once for all.
    chosen = _chosen(flag, users.values())
    return {
        user_id: AbstractBaseFlag.is_active_for_user(flag, user) or (user.pk in chosen or None)
        for user_id, user in users.items()
    }


def _chosen(flag: Any, users: Collection[Any]) -> Collection[Any]:
    """The primary keys of those whom the flag names, by themselves or by a group."""
    pks = [user.pk for user in users if user.pk is not None]
    named = set(flag.users.filter(pk__in=pks).values_list("pk", flat=True))
    groups = [id_of(group) for group in flag.groups.only("pk")]
    return named | {pk for pk, _ in memberships(pks, groups)} if groups else named


@checks.register("notifyaudit")
def check_flags(**_: Any) -> Iterator[checks.CheckMessage]:
    """E016, E017: email classes by flag, and waffle itself."""
    flagged = [each for each in emails if issubclass(each, FlagMixin)]
    for email_class in flagged:
        if not email_class.flag:
            yield checks.Error(
                f"{email_class.__module__}.{email_class.__qualname__} is a FlagMixin and has no flag.",
                hint="Set 'flag' to the name of a flag, or leave the mixin out.",
                obj=email_class,
                id="notifyaudit.E016",
            )
    if flagged:
        try:
            waffle.get_waffle_flag_model()
        except ImproperlyConfigured as error:
            yield checks.Error(
                f"The flags of email classes cannot be read: {error}.",
                hint="Add 'waffle' to INSTALLED_APPS; WAFFLE_FLAG_MODEL must name a model that is installed.",
                id="notifyaudit.E017",
            )
