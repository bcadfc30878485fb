"""One email: open while others may join it, then claimed, sent, and settled."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifyaudit import clock, conf
from notifyaudit.frequency import Frequency
from notifyaudit.identity import resolve
from notifyaudit.models.fields import KeyField


def new_message_id() -> str:
    """A Message-ID that no other mail has (RFC 5322, section 3.6.4)."""
    return f"<{uuid4().hex}@{conf.mail_domain()}>"


class MessageStatus(models.TextChoices):
    """Where a mail stands."""

    OPEN = "open", _("waiting to be sent")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")
    UNCERTAIN = "uncertain", _("perhaps sent")
    HELD = "held", _("held for a person")
    CANCELLED = "cancelled", _("cancelled")
    BOUNCED = "bounced", _("bounced")


WAITING = (MessageStatus.OPEN, MessageStatus.UNCERTAIN)
"""What leaves by itself when it is due."""

CANCELLABLE = (*WAITING, MessageStatus.HELD)


class MessageQuerySet(models.QuerySet["Message"]):
    """The questions that the sender asks."""

    def due(self, now: datetime) -> "MessageQuerySet":
        """Those that a worker may claim now: due, not settled, and in no other worker's hands."""
        return self.filter(
            Q(lease_until__isnull=True) | Q(lease_until__lte=now),
            status__in=WAITING,
            due_at__lte=now,
        )

    def abandoned(self, now: datetime) -> "MessageQuerySet":
        """Those that were in the air when their worker vanished: nobody can know whether they arrived."""
        return self.filter(status=MessageStatus.SENDING, lease_until__lte=now)


class Message(models.Model):
    """
    One email to one recipient, for one or more events.

    A worker may work on it while it holds the lease: ``lease_token`` is its own and ``lease_until`` has
    not passed. Every change it makes is guarded by the token.
    """

    email_key = KeyField(_("kind of email"), max_length=190)
    recipient_key = KeyField(_("recipient's key"), max_length=255)
    recipient_id = KeyField(_("recipient"), max_length=255, blank=True)
    address = models.CharField(_("address"), max_length=512, blank=True)
    status = models.CharField(
        _("status"), max_length=16, choices=MessageStatus.choices, default=MessageStatus.OPEN
    )
    # Unique while others may join, NULL from the moment it is closed (MariaDB has no partial indexes).
    open_key = KeyField(_("open key"), max_length=255, null=True, unique=True)
    due_at = models.DateTimeField(_("due at"), default=clock.now)
    frequency = models.CharField(
        _("frequency"), max_length=16, choices=Frequency.choices, default=Frequency.IMMEDIATE
    )
    priority = models.SmallIntegerField(_("priority"), default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    # A worker that vanishes while it prepares a mail can count nothing; who takes the mail over does.
    abandoned = models.PositiveSmallIntegerField(_("workers lost before it left"), default=0)
    lease_token = models.UUIDField(_("lease"), null=True, editable=False)
    lease_until = models.DateTimeField(_("lease ends at"), null=True, editable=False)
    # Fixed when the row is made, so that a mail sent again is known by the same Message-ID.
    message_id = models.CharField(_("Message-ID"), max_length=320, default=new_message_id, editable=False)
    created_at = models.DateTimeField(_("created at"), default=clock.now)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    uncertain_at = models.DateTimeField(_("uncertain since"), null=True)
    last_error = models.TextField(_("last error"), blank=True)
    content_hash = models.CharField(_("SHA-256 of subject and bodies"), max_length=64, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        permissions = [("preview_emails", _("Can preview emails"))]
        indexes = [
            models.Index(fields=["status", "priority", "due_at"], name="notifyaudit_message_due"),
            # How many somebody has had of late, however many they have had in all.
            models.Index(fields=["recipient_key", "created_at"], name="notifyaudit_message_rcpt"),
            models.Index(fields=["lease_token"], name="notifyaudit_message_lease"),
        ]

    def __str__(self) -> str:
        return f"{self.email_key} to {self.recipient_key}: {self.get_status_display()}"

    def cancel(self) -> bool:
        """
        See to it that this mail does not leave (any more): one that waits, or is held, is ``cancelled``.

        Returns:
            whether it is. ``False``: it is being sent, or settled already.
        """
        # Without the token the worker that has claimed it can no longer mark it as leaving.
        cancelled = (
            Message.objects.using(self._state.db or conf.current().DATABASE)
            .filter(pk=self.pk, status__in=CANCELLABLE)
            .update(status=MessageStatus.CANCELLED, lease_token=None, lease_until=None, open_key=None)
        )
        self.refresh_from_db()
        return bool(cancelled)

    @property
    def recipient(self) -> Any:
        """The user as of now; ``None`` for a plain address, or when the user is gone."""
        return resolve(conf.user_model(), self.recipient_id, self._state.db or conf.current().DATABASE)
