"""A preview as a mail, to the one who looks at it and to nobody else."""

from typing import Any

from django.utils.translation import gettext as _

from notifyaudit import addresses, conf, screening, staging
from notifyaudit.emails import AuditEmail
from notifyaudit.exceptions import InvalidAddress
from notifyaudit.previewing.faults import NoPreview
from notifyaudit.previewing.guard import reading_only
from notifyaudit.previewing.looking import built
from notifyaudit.transport import open_transport


def address_of(user: Any) -> str:
    """Where a preview would go; empty if nobody is signed in, or no mail can be sent to them."""
    if user is None or not user.is_authenticated:
        return ""
    address = str(getattr(user, user.get_email_field_name()) or "")
    try:
        addresses.check(address)
    except InvalidAddress:
        return ""
    return address


def destination(address: str) -> str:
    """Where a preview for this address arrives: where all mail does, if ``REDIRECT_ALL_TO`` says so."""
    return (conf.current().REDIRECT_ALL_TO or address) if address else ""


def send_to(email: AuditEmail, address: str) -> None:
    """
    Send it, past the ledger, by the mail backend that it would leave by. Copies go to nobody.

    Raises:
        NoPreview: if ``ALLOWED_RECIPIENTS`` keeps it here.
        DeliveryError: if the mail server does not take it.
        Exception: whatever the email class raises.
    """
    if not staging.is_allowed(address):
        raise NoPreview(
            _("No mail goes to %(address)s from here: see ALLOWED_RECIPIENTS.") % {"address": address}
        )
    with reading_only():
        content = built(email)
        backend = email.get_connection()
    content.subject = _("[Preview] %(subject)s") % {"subject": content.subject}
    content.to, content.cc, content.bcc = [address], [], []
    staging.confine(content)
    screening.screen(content)
    transport = open_transport(backend)
    try:
        transport.send(content)
    finally:
        transport.close()
