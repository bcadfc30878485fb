"""Who wants to hear of what, and how soon; or of what not at all."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from notifyaudit import clock, conf
from notifyaudit.frequency import Frequency
from notifyaudit.identity import resolve
from notifyaudit.models.fields import KeyField


class Matter(models.TextChoices):
    """What the ``name`` of a subscription is. Declared the most specific first."""

    EMAIL = "email", _("kind of email")
    ACTION = "action", _("action")
    PATTERN = "pattern", _("pattern of actions")
    EVERYTHING = "everything", _("everything")


class Subscription(models.Model):
    """
    One wish of a user, of a group's members, or of whoever has an address.

    A ``condition`` narrows it to certain changes; without ``frequency`` the email class has its own.
    """

    # Of subscriber, matter, target and condition together, which are too long for a unique index of MariaDB.
    key = KeyField(_("key"), max_length=64, unique=True, editable=False)
    subscriber_key = KeyField(_("subscriber's key"), max_length=255)
    user_id = KeyField(_("user"), max_length=255, blank=True)
    group_id = KeyField(_("group"), max_length=255, blank=True)
    address = models.CharField(_("address"), max_length=512, blank=True)
    matter = models.CharField(_("what about"), max_length=16, choices=Matter.choices)
    name = KeyField(_("name"), max_length=190, blank=True)
    target_type = KeyField(_("target's model"), max_length=190, blank=True)
    target_id = KeyField(_("target"), max_length=255, blank=True)
    condition = models.JSONField(_("condition"), default=dict, blank=True)
    muted = models.BooleanField(_("muted"), default=False)
    frequency = models.CharField(_("frequency"), max_length=16, choices=Frequency.choices, blank=True)
    created_at = models.DateTimeField(_("created at"), default=clock.now)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        indexes = [
            # Of an event's action and target: its subscribers in their order, however many others there are.
            models.Index(fields=["name", "target_id", "subscriber_key"], name="notifyaudit_subscr_topic"),
            models.Index(fields=["subscriber_key"], name="notifyaudit_subscr_person"),
        ]

    def __str__(self) -> str:
        what = self.name or "everything"
        where = f" of {self.target_type} {self.target_id}" if self.target_type else ""
        return (
            f"{self.subscriber_key}: {what}{where}, {'muted' if self.muted else self.frequency or 'default'}"
        )

    @property
    def target(self) -> Any:
        """The object; ``None`` without one, or when it is gone."""
        return resolve(self.target_type, self.target_id, self._state.db or conf.current().DATABASE)
