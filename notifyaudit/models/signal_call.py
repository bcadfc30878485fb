"""One receiver of a reliable signal that is to be called: written by the sender, deleted when it is done."""

from collections.abc import Iterator
from datetime import datetime

from django.db import models
from django.db.models import Min, Q
from django.utils.translation import gettext_lazy as _

from notifyaudit import clock
from notifyaudit.models.fields import KeyField


class SignalCallStatus(models.TextChoices):
    """Where a call stands. One that is done has no row."""

    OPEN = "open", _("waiting to be called")
    FAILED = "failed", _("failed")


class SignalCallQuerySet(models.QuerySet["SignalCall"]):
    """The questions that a worker asks."""

    def due(self, now: datetime) -> "SignalCallQuerySet":
        """Those that a worker may claim now: due, and in no other worker's hands."""
        return self.filter(
            Q(lease_until__isnull=True) | Q(lease_until__lte=now),
            status=SignalCallStatus.OPEN,
            due_at__lte=now,
        )

    def names(self) -> Iterator[tuple[str, str]]:
        """
        The receivers and signals of the open calls. Each is one look into an index, however many calls there
        are.
        """
        rows = self.filter(status=SignalCallStatus.OPEN)
        for receiver in _distinct(rows, "receiver"):
            for signal in _distinct(rows.filter(receiver=receiver), "signal"):
                yield receiver, signal


class SignalCall(models.Model):
    """
    A call of one receiver, for one ``send_reliable()``.

    A worker may make it while it holds the lease: ``lease_token`` is its own. It deletes the row in the
    transaction in which the receiver ran.
    """

    # Paths, "module:name": what is not in this code (yet) is left for code that has it.
    signal = KeyField(_("signal"), max_length=255)
    receiver = KeyField(_("receiver"), max_length=255)
    # JSON as text: a JSON column sorts keys, makes 1e22 an integer, and refuses NUL on PostgreSQL.
    sender = models.TextField(_("sender"))
    arguments = models.TextField(_("arguments"))
    status = models.CharField(
        _("status"), max_length=16, choices=SignalCallStatus.choices, default=SignalCallStatus.OPEN
    )
    due_at = models.DateTimeField(_("due at"), default=clock.now)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    # A worker that vanishes while it makes a call can count nothing; who takes the call over does.
    abandoned = models.PositiveSmallIntegerField(_("workers lost in it"), default=0)
    lease_token = models.UUIDField(_("lease"), null=True, editable=False)
    lease_until = models.DateTimeField(_("lease ends at"), null=True, editable=False)
    last_error = models.TextField(_("last error"), blank=True)
    correlation_id = KeyField(_("correlation id"), max_length=190, blank=True)
    actor_id = KeyField(_("actor"), max_length=255, blank=True)
    actor_repr = models.TextField(_("actor was called"), blank=True)
    created_at = models.DateTimeField(_("created at"), default=clock.now)

    objects = SignalCallQuerySet.as_manager()

    class Meta:
        verbose_name = _("call of a signal's receiver")
        verbose_name_plural = _("calls of signals' receivers")
        indexes = [
            models.Index(fields=["status", "receiver", "signal", "due_at"], name="notifyaudit_call_due"),
        ]

    def __str__(self) -> str:
        return f"{self.receiver} for {self.signal}: {self.get_status_display()}"


def _distinct(rows: SignalCallQuerySet, column: str) -> Iterator[str]:
    value = rows.aggregate(least=Min(column))["least"]
    while value is not None:
        yield value
        value = rows.filter(**{f"{column}__gt": value}).aggregate(least=Min(column))["least"]
