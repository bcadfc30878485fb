"""What an application subclasses: one class per kind of email."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from django.apps import apps
from django.core.mail import EmailMultiAlternatives
from django.utils import translation
from django.utils.functional import Promise
from django.utils.text import camel_case_to_spaces, capfirst
from django.utils.translation import gettext_lazy as _
from django_pony_express.errors import EmailServiceAttachmentError, EmailServiceConfigError
from django_pony_express.services.base import BaseEmailService

from notifyaudit import addresses, conf
from notifyaudit.changes import Change
from notifyaudit.exceptions import ConfigurationError, InvalidAddress
from notifyaudit.models import AuditEvent, Message, Reason
from notifyaudit.registry import emails
from notifyaudit.rendering import html_to_text, render_html, render_line, render_text
from notifyaudit.retry import RetryPolicy
from notifyaudit.threads import thread_id_of

_KEY_LENGTH = 190
_PRIORITY = 1000


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
    notify_actor: bool = False
    """Whether somebody is told of what they did themselves."""
    priority: int = 0
    """Higher leaves first, among the mails that are due."""
    retry: RetryPolicy = RetryPolicy()
    """When a failed attempt is made again."""
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

    _context: dict[str, Any] | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """
        Raises:
            ConfigurationError: if an attribute has the wrong type, or the class is defined before
                Django has loaded the installed apps.
        """
        super().__init_subclass__(**options)
        _check_definition(cls)
        if "key" not in cls.__dict__:
            cls.key = f"{_app_label(cls)}.{cls.__name__}"
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
        for address in (*recipients, *copies):
            try:
                addresses.check(address)
            except InvalidAddress as error:
                self._errors.append(str(error))
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
                html = render_html(str(self.template_name), self._context)
                if self.template_txt_name:
                    text = render_text(self.template_txt_name, self._context)
                else:
                    text = html_to_text(html)
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
                self._attach(message)
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
        # RFC 3834, section 5: programs that answer mail must not answer this one.
        headers = {"Auto-Submitted": "auto-generated"}
        if self.events:
            if self.event.correlation_id:
                headers["X-Correlation-ID"] = " ".join(self.event.correlation_id.split())
            if self.threaded and self.event.target_id:
                thread = thread_id_of(self.event.target_type, self.event.target_id)
                headers |= {"References": thread, "In-Reply-To": thread}
        own = self.get_headers()
        if self.message_id:
            own = {**_without(own, {"message-id"}), "Message-ID": self.message_id}
        # Names of headers know no case: a "references" must not stand beside our "References".
        return _without(headers, {name.lower() for name in own}) | own

    def _attach(self, message: EmailMultiAlternatives) -> None:
        for attachment in self.get_attachments():
            if not isinstance(attachment, dict):
                message.attach_file(attachment)
                continue
            try:
                message.attach(attachment["filename"], attachment["file"], attachment.get("mimetype"))
            except KeyError as error:
                raise EmailServiceAttachmentError(
                    f"{type(self).__name__}: an attachment is a path or a dict with 'filename' and 'file'; "
                    f"this one has no {error}."
                ) from error


def _without(headers: dict[str, str], names: set[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in names}


def _check_definition(cls: type[AuditEmail]) -> None:
    def require(name: str, expected: str, *, that: Callable[[Any], bool]) -> None:
        value = getattr(cls, name)
        if not that(value):
            raise ConfigurationError(f"{cls.__qualname__}.{name} must be {expected}, not {value!r}.")

    require("actions", "a list of actions or patterns", that=_is_list_of_str)
    require("key", f"a string of at most {_KEY_LENGTH} characters", that=_is_key)
    require("retry", "a RetryPolicy", that=lambda value: isinstance(value, RetryPolicy))
    require("priority", f"a number from -{_PRIORITY} to {_PRIORITY}", that=_is_priority)


def _is_list_of_str(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _KEY_LENGTH


def _is_priority(value: Any) -> bool:
    return isinstance(value, int) and abs(value) <= _PRIORITY


def _app_label(cls: type[AuditEmail]) -> str:
    if not apps.apps_ready:
        raise ConfigurationError(
            f"{cls.__module__}.{cls.__qualname__} is defined before Django has loaded the installed apps. "
            "Put email classes into an app's emails.py and do not import it from __init__.py or apps.py."
        )
    config = apps.get_containing_app_config(cls.__module__)
    return config.label if config else cls.__module__.partition(".")[0]
