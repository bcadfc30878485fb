"""Where mails may go on a site that is not the real one: ``ALLOWED_RECIPIENTS`` and ``REDIRECT_ALL_TO``."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from django.core.mail import EmailMessage

from notifyaudit import conf
from notifyaudit.addresses import plain


def is_allowed(address: str) -> bool:
    """Whether mail may go to this address, or is redirected anyway."""
    settings = conf.current()
    if settings.REDIRECT_ALL_TO or not settings.ALLOWED_RECIPIENTS:
        return True
    folded = plain(address).casefold()
    return any(fnmatchcase(folded, pattern.casefold()) for pattern in settings.ALLOWED_RECIPIENTS)


def confine(content: EmailMessage) -> None:
    """
    Let the mail go only where it may: copies to others are left out; redirected, it says in ``X-Original-To``
    whom it was for.
    """
    target = conf.current().REDIRECT_ALL_TO
    if target:
        content.extra_headers["X-Original-To"] = ", ".join(content.recipients())
        content.to, content.cc, content.bcc = [target], [], []
    else:
        content.cc, content.bcc = _allowed(content.cc), _allowed(content.bcc)


def _allowed(addresses: Iterable[str]) -> list[str]:
    return [address for address in addresses if is_allowed(address)]
