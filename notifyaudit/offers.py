"""What a page offers to stop, in words that the reader of a mail knows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from notifyaudit import conf
from notifyaudit.identity import model_of, repr_of, resolve
from notifyaudit.links import Extent, Scope
from notifyaudit.models import AuditEvent
from notifyaudit.registry import emails


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """
    Args:
        scope: what is stopped.
        title: what that is called.
        hint: a sentence more about it.
        chosen: whether it is what the link itself stops.
    """

    scope: Scope
    title: str
    hint: str
    chosen: bool = False


def offers_of(scope: Scope) -> list[Offer]:
    """What the reader of a mail can choose from, the narrowest first, in the active language."""
    found = [offer_of(each) for each in _scopes(scope)]
    chosen = next((offer for offer in found if offer.scope == scope), found[0])
    return [replace(offer, chosen=offer is chosen) for offer in found]


def offer_of(scope: Scope) -> Offer:
    """The same for one scope, as of now."""
    match scope.extent:
        case Extent.EVERYTHING:
            host = urlsplit(conf.base_url()).hostname
            title = _("All mail from %(site)s") % {"site": host} if host else _("All mail from this site")
            hint = _("Save for what cannot be stopped.")
        case Extent.OBJECT:
            title = _("Everything about “%(object)s”") % {"object": _name_of(scope)}
            hint = _("Whatever happens to it, in mail of any kind.")
        case Extent.KIND:
            title, hint = _kind(scope.email_key)
    return Offer(scope=scope, title=title, hint=hint)


def _scopes(scope: Scope) -> Iterator[Scope]:
    if scope.target_type:
        yield replace(scope, extent=Extent.OBJECT)
    email_class = emails.get(scope.email_key)
    # A class may have become mandatory since the mail was sent.
    if email_class is None or not email_class.mandatory:
        yield replace(scope, extent=Extent.KIND)
    yield replace(scope, extent=Extent.EVERYTHING)


def _kind(email_key: str) -> tuple[str, str]:
    email_class = emails.get(email_key)
    if email_class is None:
        return _("Mail of the kind that the link was in"), ""
    title = _("Mail of the kind “%(kind)s”") % {"kind": email_class.label}
    if email_class.collects:
        return title, _("No more of these come, nor is anything told otherwise that would have been in them.")
    return title, str(email_class.description)


def _name_of(scope: Scope) -> str:
    # What it was called last, not what it calls itself: it may be gone, and its reader was told that name.
    events = AuditEvent.objects.using(conf.current().DATABASE)
    about = events.filter(target_type=scope.target_type, target_id=scope.target_id).order_by("-pk")
    if name := about.values_list("target_repr", flat=True).first():
        return name
    instance = resolve(scope.target_type, scope.target_id, conf.current().DATABASE)
    if instance is not None:  # nothing has happened to it yet, but to what belongs to it
        return repr_of(instance)
    model = model_of(scope.target_type)
    kind = model._meta.verbose_name if model is not None else scope.target_type
    return f"{kind} {scope.target_id}"
