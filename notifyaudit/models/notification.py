"""Who hears of an event through which kind of email and why, or why not."""

from functools import cached_property
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifyaudit import clock, conf
from notifyaudit.identity import resolve
from notifyaudit.models.event import AuditEvent
from notifyaudit.models.fields import KeyField
from notifyaudit.models.message import Message


class Reason(models.TextChoices):
    """Why somebody is told."""

    NAMED = "named", _("it concerns you")
    WATCHING = "watching", _("you watch it")
    SUBSCRIBED = "subscribed", _("you have subscribed to it")
    MEMBER = "member", _("a group that you belong to has subscribed to it")


class SkipReason(models.TextChoices):
    """Why somebody who was to be told is not."""

    ACTOR = "actor", _("did it themselves")
    MUTED = "muted", _("does not want to hear of it")
    UNSUBSCRIBED = "unsubscribed", _("has unsubscribed since")
    PERMISSION = "permission", _("is not permitted to see it")
    FLAG = "flag", _("the feature is not switched on for them")
    STORM = "storm", _("there were too many at once")
    COVERED = "covered", _("another mail has told them")
    INACTIVE = "inactive", _("the account is inactive")
    DELETED = "deleted", _("the account is gone")
    NO_ADDRESS = "no_address", _("the account has no email address")
    INVALID_ADDRESS = "invalid_address", _("the address is invalid")
    SHOULD_SEND = "should_send", _("the email class declined")
    UNCHANGED = "unchanged", _("it was changed back")
    EXPIRED = "expired", _("it was too late")
    NOT_ALLOWED = "not_allowed", _("the address is not among the allowed recipients")


class Notification(models.Model):
    """
    One per event, kind of email and recipient (a user, or a bare address).

    A row with an empty ``recipient_key`` stands for an email class that raised while it was asked for
    its recipients: ``error`` says how, ``retry_at`` when it is asked again (``None``: no more).
    """

    event = models.ForeignKey(
        AuditEvent,
        models.DO_NOTHING,
        related_name="notifications",
        db_constraint=False,
        verbose_name=_("event"),
    )
    email_key = KeyField(_("kind of email"), max_length=190)
    recipient_key = KeyField(_("recipient's key"), max_length=255, blank=True)
    recipient_id = KeyField(_("recipient"), max_length=255, blank=True)
    address = models.CharField(_("address"), max_length=512, blank=True)
    reason = models.CharField(_("reason"), max_length=32, choices=Reason.choices, blank=True)
    skip_reason = models.CharField(_("why not"), max_length=32, choices=SkipReason.choices, blank=True)
    message = models.ForeignKey(
        Message,
        models.DO_NOTHING,
        null=True,
        related_name="notifications",
        db_constraint=False,
        verbose_name=_("message"),
    )
    error = models.TextField(_("error"), blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    retry_at = models.DateTimeField(_("retry at"), null=True)
    created_at = models.DateTimeField(_("created at"), default=clock.now)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes = [
            models.Index(fields=["recipient_key", "id"], name="notifyaudit_notif_rcpt"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "email_key", "recipient_key"], name="notifyaudit_notification_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email_key} to {self.recipient_key or '?'}: {self.skip_reason or self.reason}"

    @cached_property
    def recipient(self) -> Any:
        """The user; ``None`` for a bare address, or when the user is gone."""
        return resolve(conf.user_model(), self.recipient_id, self._state.db or conf.current().DATABASE)
