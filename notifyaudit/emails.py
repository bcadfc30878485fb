"""What an application subclasses: one class per kind of email."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from datetime import timedelta, tzinfo
from functools import cached_property
from typing import Any, Self

from django.db import models
from django.utils.functional import Promise
from django.utils.text import camel_case_to_spaces, capfirst

from notifyaudit import conf, reading
from notifyaudit.answering import Answerable
from notifyaudit.changes import Change
from notifyaudit.definition import AboveLimits, BundleBy, app_label_of, check_definition
from notifyaudit.frequency import Frequency
from notifyaudit.identity import id_of, type_of
from notifyaudit.layout import Layout
from notifyaudit.models import AuditEvent, Message, Reason, SkipReason
from notifyaudit.permissions import holders
from notifyaudit.recipients import Recipient
from notifyaudit.registry import emails
from notifyaudit.retry import RetryPolicy
from notifyaudit.samples import READER, sample_of
from notifyaudit.summing import Section, net_changes_of, sections_of


class AuditEmail(Answerable):
    """
    A kind of email about events. Subclass it in an app's ``emails.py``::

        class InspectionCompletedEmail(AuditEmail):
            actions = [InspectionAction.COMPLETED]
            subject = _("{{ target }} was completed")
            template_name = "inspections/completed.html"

            @classmethod
            def get_recipients(cls, event):
                return [event.target.owner]

    A subclass without ``actions`` is a base for others and is never sent. All attributes and hooks of
    django-pony-express keep their meaning; docs/reference/emails.md lists them with these.
    """

    actions: Sequence[str] = ()
    """Actions, or patterns (``"inspection.*"``, ``"*"``), that this email speaks of."""
    description: str | Promise = ""
    """One sentence about it, for the people who get it."""
    default_frequency: Frequency = Frequency.IMMEDIATE
    """How soon somebody is told who has not said how soon."""
    notify_actor: bool = False
    """Whether somebody is told of what they did themselves."""
    priority: int = 0
    """Higher leaves first, among the mails that are due."""
    permission: str | None = None
    """Whom it may tell: who has this permission, such as ``"inspections.view_inspection"``."""
    max_recipients_per_event: int | None = None
    """Above so many recipients of one event nobody gets a mail of its own; ``None``: there is no limit."""
    max_per_recipient_per_hour: int | None = None
    """After so many mails of this kind within an hour the recipient gets no further one of its own."""
    above_limits: AboveLimits = "summary"
    """What becomes of mails above a limit: they join an hourly digest, or a person must release them."""
    auto_subscribe: bool = False
    """Whether who acts on an object is told by it from then on what others do."""
    expires: timedelta | None = None
    """How long after its event the mail is still worth sending; ``None``: always."""
    retry: RetryPolicy = RetryPolicy()
    """When a failed attempt is made again."""
    window: timedelta = timedelta(0)
    """How long the mail waits for company, from its first event on."""
    bundle_by: BundleBy = "event"
    """What may join it: nothing, other events of the ``"target"``, or of the same ``"correlation"`` id."""
    digest_class: "type[AuditEmail]"
    """What collects its events for those who read less often. Default: ``DigestEmail``."""
    # Said here once more, so that a type checker lets subclasses set them.
    subject: str | Promise | None = None  # type: ignore[assignment]
    template_name: str | None = None  # type: ignore[assignment]
    template_txt_name: str | None = None  # type: ignore[assignment]

    reason: Reason | None = None
    declined_because: SkipReason = SkipReason.SHOULD_SEND

    def __init_subclass__(cls, **options: Any) -> None:
        """
        Raises:
            ConfigurationError: if an attribute has the wrong type, or the class is defined before
                Django has loaded the installed apps.
        """
        super().__init_subclass__(**options)
        check_definition(cls)
        if "key" not in cls.__dict__:
            cls.key = f"{app_label_of(cls)}.{cls.__name__}"
        if "label" not in cls.__dict__:
            cls.label = str(capfirst(camel_case_to_spaces(cls.__name__.removesuffix("Email"))))
        emails.add(cls)

    @classmethod
    def for_message(
        cls, message: Message, *, events: Sequence[AuditEvent], recipient: Any, address: str, reason: Reason
    ) -> Self:
        """The instance that is sent: ``message`` of the ledger, to ``address``, about ``events``."""
        email = cls(recipient_email_list=[address])
        email.event, email.events = events[-1], tuple(events)
        email.recipient, email.reason, email.message_id = recipient, reason, message.message_id
        return email

    @classmethod
    def sample(
        cls,
        action: str | None = None,
        *,
        target: Any = None,
        actor: Any = None,
        changes: Mapping[str, Sequence[Any]] | None = None,
        related: Iterable[Any] = (),
        data: Mapping[str, Any] | None = None,
        recipient: Any = READER,
        reason: Reason = Reason.NAMED,
    ) -> Self:
        """
        An instance about something that never happened, for :meth:`preview`. Nothing is written or read, and
        the objects need not be saved; give them a ``pk`` where a link needs one.

        Args:
            action: the first of the class's ``actions`` by default.
            target: see :func:`notifyaudit.record`, as for the next four.
            actor: who did it.
            changes: ``{field: (old, new)}``.
            related: further objects.
            data: free JSON.
            recipient: a user, or an address.
            reason: why the recipient is told.

        Raises:
            ValueError: without an ``action``, if the class has only patterns.
            UnknownAction: if no ``Action`` declares it.
            TypeError: if an argument is of the wrong form.
        """
        return sample_of(
            cls,
            action,
            target=target,
            actor=actor,
            changes=changes,
            related=related,
            data=data,
            recipient=recipient,
            reason=reason,
        )

    @classmethod
    def preview(cls) -> "AuditEmail | None":
        """
        A mail of this kind to look at, as :meth:`sample` makes one; ``None``: there is none. It must write
        nothing. ``lint_emails()`` renders it in every language.
        """
        return None

    # Who is told.

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[Any]:
        """Users and/or plain addresses, ``None`` for nobody. A queryset of users is streamed."""
        del event
        return []

    @classmethod
    def filter_recipients(cls, recipients: Any, event: AuditEvent) -> Any:
        """
        Those of these users who may hear of the event, asked when it is routed and again when a mail leaves.

        Args:
            recipients: a queryset of at most some hundred users.
            event: what they would be told of.

        Returns:
            a queryset of those who may: by default who have the ``permission``, if there is one.
        """
        return recipients if cls.permission is None else holders(recipients, cls.permission, event.target)

    @classmethod
    def get_withheld(cls, recipients: Collection[Recipient]) -> Mapping[str, SkipReason]:
        """
        From whom of these this kind of mail is withheld whatever it is about, and why, by ``recipient.key``:
        asked when an event is routed and again when a mail leaves, for at most some hundred at once.
        """
        del recipients
        return {}

    def should_send(self) -> bool:
        """The last word, asked when the mail is about to leave."""
        return True

    # What they are told.

    def get_translation(self) -> str | None:
        """
        The code of the language it is written in: what the reader has chosen, else what
        ``RECIPIENT_LANGUAGE`` says of them, else ``LANGUAGE_CODE``.
        """
        return reading.language_of(self.recipient, self.preference)

    def get_timezone(self) -> tzinfo:
        """
        By which clock it tells the time: what the reader has chosen, else what ``RECIPIENT_TIMEZONE`` says of
        them, else that of the project.
        """
        return reading.clock_of(self.recipient, self.preference)

    def visible_changes(self) -> dict[str, Change]:
        """
        The changed fields this recipient may see: ``{field: Change}``, a ``(old, new)`` tuple with
        ``label``, ``old_label`` and ``new_label`` as people read them. Of several events about the target,
        what is left of them.
        """
        if len(self.events) > 1:
            return net_changes_of(self.event, self.events)
        return self.event.readable_changes() if self.events else {}

    def visible_changes_of(self, event: AuditEvent) -> dict[str, Any]:
        """The same of one of its events, by :meth:`visible_changes`."""
        alone = copy(self)
        alone.event, alone.events = event, (event,)
        return dict(alone.visible_changes())

    @cached_property
    def sections(self) -> list[Section]:
        """What is left of its events, by object."""
        return sections_of(self.events, self.visible_changes_of)

    def net_changes(self, target: models.Model) -> dict[str, tuple[Any, Any]]:
        """``{field: (old, new)}`` of one object, as stored; empty: nothing is left of its changes."""
        about = (type_of(target), id_of(target))
        return next((dict(each.net.changes) for each in self.sections if each.net.about == about), {})

    def get_context_data(self) -> dict[str, Any]:
        """What the templates see. Call ``super()`` and add to it."""
        if not self.events:
            return {"layout": Layout(self), **self.context_data}
        several = {"sections": self.sections} if self.bundle_by != "event" else {}
        return {
            "event": self.event,
            "events": self.events,
            **several,
            "actor": self.event.actor,
            "target": self.event.target,
            "changes": self.visible_changes(),
            "data": self.event.data,
            "recipient": self.recipient,
            "reason": self.reason,
            "base_url": conf.base_url(),
            "unsubscribe_url": self.unsubscribe_url,
            "preferences_url": self.preferences_url,
            "layout": Layout(self),
            **self.context_data,
        }
