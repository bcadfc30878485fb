"""From what an email class declares to the finished mail: subject, both bodies, headers."""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.utils import timezone, translation
from django.utils.functional import Promise
from django_pony_express.errors import EmailServiceConfigError
from django_pony_express.services.base import BaseEmailService

from notifyaudit import addresses
from notifyaudit.attaching import attachments_of
from notifyaudit.headers import overridden, standard_headers
from notifyaudit.illustrated import IllustratedMessage
from notifyaudit.models import AuditEvent
from notifyaudit.rendering import render_bodies, render_line
from notifyaudit.undefined import refused


class Composed(BaseEmailService):
    """What every email class has of django-pony-express's attributes and hooks, with our own rules."""

    subject: str | Promise | None = None  # type: ignore[assignment]
    template_name: str | None = None  # type: ignore[assignment]
    template_txt_name: str | None = None  # type: ignore[assignment]
    threaded: bool = True
    """Whether all mails about one object form a thread in the reader's mail program."""

    event: AuditEvent
    events: Sequence[AuditEvent] = ()
    message_id: str = ""

    _found: Sequence[str] = ()
    """The errors of the last :meth:`is_valid`, save those that a subclass has added to them."""
    _context: dict[str, Any] | None = None

    def __init__(
        self,
        recipient_email_list: Sequence[str] | str | None = None,
        context_data: dict[str, Any] | None = None,
        attachment_list: Sequence[Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(recipient_email_list, context_data, attachment_list, **options)  # type: ignore[arg-type]
        # What the class declares is honoured, and copied: an append() must not reach the next mail.
        recipients: Any = self.recipient_email_list or type(self).recipient_email_list
        self.recipient_email_list = [recipients] if isinstance(recipients, str) else list(recipients)
        self.attachment_list = list(self.attachment_list or type(self).attachment_list)
        for name in ("cc_email_list", "bcc_email_list"):
            # A property makes its own, and what was set before super().__init__() is nobody else's.
            if name not in vars(self) and isinstance(declared := getattr(type(self), name), list):
                setattr(self, name, list(declared))
        self.connection = self.connection or type(self).connection

    def get_timezone(self) -> tzinfo:
        """By which clock it tells the time."""
        return timezone.get_default_timezone()

    def get_headers(self) -> dict[str, str]:
        """Further headers. They replace the library's own, save the Message-ID."""
        return {}

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
        # A subclass adds its own before it calls super(), and they count.
        self._errors = [error for error in self._errors if error not in self._found]
        self._found = list(self._problems())
        self._errors += self._found
        if self._errors and raise_exception:
            raise EmailServiceConfigError(self._errors)
        return not self._errors

    def _problems(self) -> Iterator[str]:
        recipients = self.get_recipient_emails()
        if not self.get_subject():
            yield "Email service requires a subject."
        if not self.template_name:
            yield "Email service requires a template."
        if not recipients:
            yield "Email service requires a target mail address."
        # A copy may be addressed by name, "Boss <boss@x.example>", as pony-express allows.
        named = (*(self.get_cc_emails() or ()), *(self.get_bcc_emails() or ()))
        yield from addresses.problems_of((*recipients, *map(addresses.plain, named)))
        if self.EMAIL_STRUCTURE_PATTERN is not BaseEmailService.EMAIL_STRUCTURE_PATTERN:
            # Django's own check knows better than the default pattern; a project's own pattern is its rule.
            for address in recipients:
                if not self.EMAIL_STRUCTURE_PATTERN.match(address):
                    yield f"{address!r} does not match {type(self).__qualname__}.EMAIL_STRUCTURE_PATTERN."

    def build(self) -> EmailMultiAlternatives:
        """
        The finished mail: rendered in the language of ``get_translation()`` and the time of
        ``get_timezone()``, the caller's left untouched, with its files.

        Raises:
            EmailServiceConfigError: see :meth:`is_valid`.
            EmailServiceAttachmentError: if a file is none.
            TemplateDoesNotExist, TemplateSyntaxError: if a template is missing or broken.
            EmptyMail: if there is nothing to read.
            UndefinedVariable: in a test, if something is printed that nobody has defined.
        """
        language = self.get_translation() or translation.get_language()
        with translation.override(language), timezone.override(self.get_timezone()):
            message = self._rendered()
            for attachment in attachments_of(self.get_attachments(), of=type(self).__qualname__):
                attachment.join(message)
        return message

    def _rendered(self) -> EmailMultiAlternatives:
        # Once for subject and bodies: a hook may query.
        self._context = self.get_context_data()
        try:
            with refused():
                if not self.is_valid():
                    # An override may say no without an error.
                    name = type(self).__qualname__
                    raise EmailServiceConfigError(self.errors or f"{name}.is_valid() returned False.")
                html, text = render_bodies(str(self.template_name), self.template_txt_name, self._context)
                message = IllustratedMessage(
                    subject=" ".join(str(self.get_subject()).split()),
                    body=text,
                    from_email=self.get_from_email(),
                    to=list(self.get_recipient_emails()),
                    cc=list(self.get_cc_emails() or ()),
                    bcc=list(self.get_bcc_emails() or ()),
                    reply_to=list(self.get_reply_to_emails() or ()),
                    headers=self._headers(),
                )
        finally:
            self._context = None
        message.attach_alternative(html, "text/html")
        return message

    def _build_mail_object(self) -> EmailMultiAlternatives:
        # What pony-express's process() sends is the mail that build() makes, headers and language included.
        message = self.build()
        connection = self.get_connection()
        if connection is not None:  # else Django's default; even to set None is deprecated from 6.1 on
            message.connection = connection
        return message

    def _list_headers(self) -> dict[str, str]:
        return {}

    def _headers(self) -> dict[str, str]:
        standard = standard_headers(self.event if self.events else None, threaded=self.threaded)
        headers = overridden(standard | self._list_headers(), self.get_headers())
        # The ledger knows the mail by its Message-ID, so that no hook may change it.
        return overridden(headers, {"Message-ID": self.message_id}) if self.message_id else headers
