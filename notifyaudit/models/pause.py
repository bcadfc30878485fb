"""What is not to be sent for now: everything, or a kind of email."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifyaudit import clock
from notifyaudit.models.fields import KeyField


class Pause(models.Model):
    """
    While it is in force no mail of the kind leaves; with an empty ``email_key``, none at all. Mails are
    written and kept all the same.

    An operator sets one, or the sender itself when the mail server refuses its credentials: ``refusals`` says
    how often in a row.
    """

    email_key = KeyField(_("kind of email"), max_length=190, blank=True, unique=True)
    reason = models.TextField(_("reason"), blank=True)
    until = models.DateTimeField(_("until"), null=True)
    refusals = models.PositiveSmallIntegerField(_("credentials refused"), default=0)
    created_at = models.DateTimeField(_("created at"), default=clock.now)

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")

    def __str__(self) -> str:
        what = self.email_key or "everything"
        return f"{what} until {self.until:%Y-%m-%d %H:%M}" if self.until else what
