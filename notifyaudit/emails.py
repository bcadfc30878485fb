"""What an application subclasses: one class per kind of email."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from django.core.mail import EmailMultiAlternatives
from django.utils import translation
from django.utils.functional import Promise
from django.utils.text import camel_case_to_spaces, capfirst
from django.utils.translation import gettext_lazy as _
from django_pony_express.errors import EmailServiceConfigError
from django_pony_express.services.base import BaseEmailService

from notifyaudit import addresses, conf
from notifyaudit.attaching import attach
from notifyaudit.changes import Change
from notifyaudit.definition import app_label_of, check_definition
from notifyaudit.frequency import Frequency
from notifyaudit.headers import overridden, standard_headers
from notifyaudit.models import AuditEvent, Message, Reason, SkipReason
from notifyaudit.registry import emails
from notifyaudit.rendering import render_bodies, render_line
from notifyaudit.retry import RetryPolicy
from notifyaudit.samples import READER, sample_of


class AuditEmail(BaseEmailService):
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
    key: str = ""
    """Stored in the ledger. Default: app label and class name; pin it before you rename the class."""
    label: str | Promise = ""
    """What this kind of email is called. Default: from the class's name."""
    description: str | Promise = ""
    """One sentence about it, for the people who get it."""
    default_frequency: Frequency = Frequency.IMMEDIATE
    """How soon somebody is told who has not said how soon."""
    mandatory: bool = False
    """Whether it leaves at once, whatever somebody has muted."""
    notify_actor: bool = False
    """Whether somebody is told of what they did themselves."""
    priority: int = 0
    """Higher leaves first, among the mails that are due."""
    expires: timedelta | None = None
    """How long after its event the mail is still worth sending; ``None``: always."""
    retry: RetryPolicy = RetryPolicy()
    """When a failed attempt is made again."""
    digest_class: "type[AuditEmail]"
    """What collects its events for those who read less often. Default: ``DigestEmail``."""
    collects: bool = False
    """Whether it is such a digest."""
    threaded: bool = True
    """Whether all mails about one object form a thread in the reader's mail program."""

    subject: str | Promise | None = None  # type: ignore[assignment]
    template_name: str | None = None  # type: ignore[assignment]
    template_txt_name: str | None = None  # type: ignore[assignment]

    event: AuditEvent
    events: Sequence[AuditEvent] = ()
    recipient: Any = None
    reason: Reason | None = None
    message_id: str = ""
    declined_because: SkipReason = SkipReason.SHOULD_SEND

    _context: dict[str, Any] | None = None

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

    def __init__(
        self,
        recipient_email_list: Sequence[str] | str | None = None,
        context_data: dict[str, Any] | None = None,
        attachment_list: Sequence[Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(recipient_email_list, context_data, attachment_list, **options)  # type: ignore[arg-type]
        # What the class declares is honoured, and copied: an append() must not reach the next mail.
        self.recipient_email_list = list(self.recipient_email_list or type(self).recipient_email_list)
        self.attachment_list = list(self.attachment_list or type(self).attachment_list)
        self.cc_email_list = list(self.cc_email_list)
        self.bcc_email_list = list(self.bcc_email_list)

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

    def should_send(self) -> bool:
        """The last word, asked when the mail is about to leave."""
        return True

    # What they are told.

    def visible_changes(self) -> dict[str, Change]:
        """
        The changed fields this recipient may see: ``{field: Change}``, a ``(old, new)`` tuple with
        ``label``, ``old_label`` and ``new_label`` as people read them.
        """
        return self.event.readable_changes() if self.events else {}

    def get_headers(self) -> dict[str, str]:
        """Further headers. They replace the library's own, save the Message-ID."""
        return {}

    def get_context_data(self) -> dict[str, Any]:
        """What the templates see. Call ``super()`` and add to it."""
        if not self.events:
            return dict(self.context_data)
        return {
            "event": self.event,
            "events": self.events,
            "actor": self.event.actor,
            "target": self.event.target,
            "changes": self.visible_changes(),
            "data": self.event.data,
            "recipient": self.recipient,
            "reason": self.reason,
            "base_url": conf.current().BASE_URL,
            **self.context_data,
        }

    def get_subject(self) -> str:
        """
        The class attribute ``subject``, rendered as a one-line template, behind the ``SUBJECT_PREFIX``. A
        subject that was set on the instance, or that a property or an override returns, is taken as it is: it
        may hold what somebody typed.
        """
        if not self.subject:
            return ""
        declared = "subject" not in self.__dict__ and isinstance(type(self).subject, str | Promise)
        if declared:
            subject = render_line(str(self.subject), self._context or self.get_context_data())
        else:
            subject = str(self.subject)
        return f"{self.SUBJECT_PREFIX}{self.SUBJECT_DELIMITER}{subject}" if self.SUBJECT_PREFIX else subject

    def is_valid(self, raise_exception: bool = True) -> bool:  # noqa: FBT001, FBT002 - pony-express's signature
        """
        Whether subject, template and addresses are there and usable.

        Raises:
            EmailServiceConfigError: if not, and ``raise_exception``.
        """
        recipients = self.get_recipient_emails()
        self._errors = []
        if not self.get_subject():
            self._errors.append(_("Email service requires a subject."))
        if not self.template_name:
            self._errors.append(_("Email service requires a template."))
        if not recipients:
            self._errors.append(_("Email service requires a target mail address."))
        # A copy may be addressed by name, "Boss <boss@x.example>", as pony-express allows.
        copies = (addresses.plain(copy) for copy in (*self.get_cc_emails(), *self.get_bcc_emails()))
        self._errors += addresses.problems_of((*recipients, *copies))
        if self._errors and raise_exception:
            raise EmailServiceConfigError(self._errors)
        return not self._errors

    def build(self) -> EmailMultiAlternatives:
        """
        The finished mail: rendered in the language of ``get_translation()``, the caller's left untouched.

        Raises:
            EmailServiceConfigError: see :meth:`is_valid`.
            TemplateDoesNotExist, TemplateSyntaxError: if a template is missing or broken.
        """
        with translation.override(self.get_translation() or translation.get_language()):
            # Once for subject and bodies: a hook may query.
            self._context = self.get_context_data()
            try:
                self.is_valid()
                html, text = render_bodies(str(self.template_name), self.template_txt_name, self._context)
                message = EmailMultiAlternatives(
                    subject=" ".join(str(self.get_subject()).split()),
                    body=text,
                    from_email=self.get_from_email(),
                    to=list(self.get_recipient_emails()),
                    cc=list(self.get_cc_emails()),
                    bcc=list(self.get_bcc_emails()),
                    reply_to=list(self.get_reply_to_emails()),
                    headers=self._headers(),
                )
                message.attach_alternative(html, "text/html")
                attach(message, self.get_attachments(), of=type(self).__name__)
            finally:
                self._context = None
        return message

    def _build_mail_object(self) -> EmailMultiAlternatives:
        # What pony-express's process() sends is the mail that build() makes, headers and language included.
        message = self.build()
        connection = self.get_connection()
        if connection is not None:  # else Django's default; even to set None is deprecated from 6.1 on
            message.connection = connection
        return message

    def _headers(self) -> dict[str, str]:
        standard = standard_headers(self.event if self.events else None, threaded=self.threaded)
        headers = overridden(standard, self.get_headers())
        # The ledger knows the mail by its Message-ID, so that no hook may change it.
        return overridden(headers, {"Message-ID": self.message_id}) if self.message_id else headers
