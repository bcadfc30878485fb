"""What is wrong with a project's mails, seen without sending one: each class's preview, in every language."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup
from django.core.mail import EmailMultiAlternatives
from django.db import connections
from django.template import TemplateDoesNotExist, TemplateSyntaxError, VariableDoesNotExist
from django.utils import translation
from django_pony_express.errors import EmailServiceConfigError
from jinja2 import TemplateError, UndefinedError

from notifyaudit import conf, undefined
from notifyaudit.emails import AuditEmail
from notifyaudit.exceptions import EmptyMail
from notifyaudit.htmltext import html_to_text
from notifyaudit.registry import emails
from notifyaudit.statements import writes
from notifyaudit.testing import lint_files, lint_html, lint_layout
from notifyaudit.testing.forgotten import is_to_be_tested
from notifyaudit.testing.links import links_of
from notifyaudit.testing.lint_files import problems_of_files
from notifyaudit.testing.lint_html import problems_of_html
from notifyaudit.testing.lint_layout import problems_of_layout
from notifyaudit.text import describe

MAX_SUBJECT = 78
"""Characters of a line that a mail should not exceed (RFC 5322, section 2.1.1)."""

RULES = (
    "preview", "template", "undefined", "empty", "subject", "syntax", "text", "unsubscribe",
    *lint_html.RULES, *lint_layout.RULES, *lint_files.RULES,
)  # fmt: skip

_TAGS = "a|b|body|br|div|em|h[1-6]|head|html|i|img|li|ol|p|span|strong|style|t[dhr]|table|ul"
_TAG = re.compile(rf"</?(?:{_TAGS})\b[^>]*>")
_SYNTAX = re.compile(r"\{\{|\}\}|\{%|%\}")


if TYPE_CHECKING:
    from django.test import TestCase

    _Base = TestCase
else:
    _Base = object


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, by which rule, and how to mend it."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linter:
    """
    Args:
        classes: the email classes; by default all that can be sent, save those that tests define.
        languages: their codes; by default the project's ``LANGUAGES`` if it sets them, else its own alone.
        max_subject: the longest subject, in characters.
        ignore: rules to leave out.

    Raises:
        ValueError: if there is no such rule.
    """

    classes: Iterable[type[AuditEmail]] | None = None
    languages: Iterable[str] | None = None
    max_subject: int = MAX_SUBJECT
    ignore: Collection[str] = ()

    def __post_init__(self) -> None:
        if unknown := set(self.ignore) - set(RULES):
            raise ValueError(f"lint_emails() has no rule {min(unknown)!r}; known are {', '.join(RULES)}.")

    def cases(self) -> list[tuple[type[AuditEmail], str]]:
        """Each class in each language."""
        root = Path.cwd()
        classes = self.classes
        if classes is None:
            classes = [email_class for email_class in emails if is_to_be_tested(email_class, root)]
        languages = list(self.languages if self.languages is not None else conf.languages())
        return [(email_class, language) for email_class in classes for language in languages]

    def problems(self, email_class: type[AuditEmail], language: str) -> list[Problem]:
        """What is wrong with the preview of this class in this language."""
        with (
            undefined.forbidden(yes=False),
            translation.override(language),
            undefined.noticed() as holes,
            _writes_noticed() as written,
        ):
            found = list(self._of_preview(email_class, language))
        found += [
            Problem("undefined", f"{name} is not defined; give it in get_context_data()") for name in holes
        ]
        found += [Problem("preview", f"it writes to the database, and must not: {sql}") for sql in written]
        return [problem for problem in found if problem.rule not in self.ignore]

    def complaint(self, email_class: type[AuditEmail], language: str) -> str:
        """The same as a text; empty if nothing is wrong."""
        found = self.problems(email_class, language)
        if not found:
            return ""
        name = f"{email_class.__module__}.{email_class.__qualname__}"
        return "\n".join([f"{name} in {language!r}:", *(f"  {problem}" for problem in found)])

    def _of_preview(self, email_class: type[AuditEmail], language: str) -> Iterator[Problem]:
        try:
            email = email_class.preview()
        except Exception as error:  # noqa: BLE001 - a project's own code, whose error is what we are to report
            yield Problem("preview", f"preview() raised {describe(error)}")
            return
        if not isinstance(email, email_class):
            returned = "it has none" if email is None else f"preview() returned {email!r}"
            yield Problem("preview", f"{returned}; write preview(), which returns cls.sample(target=…, …)")
            return
        email.get_translation = lambda: language  # type: ignore[method-assign]
        try:
            content = email.build()
        except Exception as error:  # noqa: BLE001 - as above
            yield from self._of_error(email, error)
            return
        yield from self._of_content(content, language)
        yield from _of_unsubscribing(email, content)

    def _of_error(self, email: AuditEmail, error: Exception) -> Iterator[Problem]:
        match error:
            case VariableDoesNotExist() | UndefinedError():
                # An argument of a filter, or an attribute of what is not there: here the engines raise.
                yield Problem("undefined", f"{_missing(error)}; give it in get_context_data()")
            case TemplateDoesNotExist() | TemplateSyntaxError() | TemplateError():
                yield Problem("template", describe(error))
            case EmptyMail():
                yield Problem("empty", str(error))
            case EmailServiceConfigError():
                yield from self._of_definition(email, error)
            case _:
                yield Problem("preview", f"its preview cannot be rendered: {describe(error)}")

    def _of_definition(self, email: AuditEmail, error: EmailServiceConfigError) -> Iterator[Problem]:
        if email.template_name and email.get_subject():
            yield Problem("preview", f"its preview cannot be rendered: {describe(error)}")
        if not email.template_name:
            yield Problem("template", "it has no template_name")
        yield from self._of_subject(email.get_subject())

    def _of_content(self, content: EmailMultiAlternatives, language: str) -> Iterator[Problem]:
        source = _html_of(content)
        subject, text, html = str(content.subject), str(content.body), BeautifulSoup(source, "html.parser")
        yield from self._of_subject(subject)
        parts = {"subject": subject, "text part": text, "html part": html_to_text(source)}
        for name in ("text part", "html part"):
            if not parts[name].strip():
                yield Problem("empty", f"its {name} is empty")
        for name, part in parts.items():
            if mark := _SYNTAX.search(part):
                yield Problem("syntax", f"its {name} shows a template unrendered: {_around(part, mark)}")
        if tag := _TAG.search(text):
            yield Problem("text", f"its text part has a tag: {_around(text, tag)}")
        yield from starmap(Problem, problems_of_html(html, language))
        yield from starmap(Problem, problems_of_layout(source, html, language))
        yield from starmap(Problem, problems_of_files(content, html))

    def _of_subject(self, subject: str) -> Iterator[Problem]:
        if not subject.strip():
            yield Problem("subject", "it is empty")
        if len(subject) > self.max_subject:
            excess = f"{len(subject)} characters, {self.max_subject} at most"
            yield Problem("subject", f"it is too long to be read in a list, {excess}: {subject!r}")


def lint_emails(
    *,
    classes: Iterable[type[AuditEmail]] | None = None,
    languages: Iterable[str] | None = None,
    max_subject: int = MAX_SUBJECT,
    ignore: Collection[str] = (),
) -> Callable[..., None]:
    """
    A test for pytest, with one item for each email class and language. In a test module::

        test_emails = lint_emails()

    Args:
        classes: see :class:`Linter`.
        languages: likewise.
        max_subject: likewise.
        ignore: likewise.
    """
    import pytest  # noqa: PLC0415 - test cases of Django do without it

    linter = Linter(classes=classes, languages=languages, max_subject=max_subject, ignore=ignore)

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("email_class", "language"),
        [pytest.param(*case, id=f"{case[0].key}-{case[1]}") for case in linter.cases()],
    )
    def test_email(email_class: type[AuditEmail], language: str) -> None:
        __tracebackhide__ = True
        if complaint := linter.complaint(email_class, language):
            pytest.fail(complaint, pytrace=False)

    return test_email


class EmailLintMixin(_Base):
    """
    The same for Django's test cases, with a subtest for each email class and language::

        class EmailsTest(EmailLintMixin, TestCase):
            linter = Linter(max_subject=60)  # if the defaults do not do
    """

    linter = Linter()

    def test_emails(self) -> None:
        """Each has nothing to complain of."""
        cases = self.linter.cases()
        if not cases:
            self.skipTest("there is no email class")
        for email_class, language in cases:
            with self.subTest(email=email_class.key, language=language):
                if complaint := self.linter.complaint(email_class, language):
                    self.fail(complaint)


def _missing(error: VariableDoesNotExist | UndefinedError) -> str:
    # Django's own text shows the whole context.
    return f"{error.params[0]!r} is undefined" if isinstance(error, VariableDoesNotExist) else str(error)


def _of_unsubscribing(email: AuditEmail, content: EmailMultiAlternatives) -> Iterator[Problem]:
    url = email.unsubscribe_url
    if not url:
        return  # it is mandatory, or the project has no such page, of which a check tells
    parts = {"html part": links_of(_html_of(content)), "text part": str(content.body)}
    for name, part in parts.items():
        if url not in part:
            yield Problem("unsubscribe", f"its {name} has no link to {{{{ unsubscribe_url }}}}")


def _html_of(content: EmailMultiAlternatives) -> str:
    return next((str(body) for body, kind in content.alternatives if kind == "text/html"), "")


def _around(text: str, found: re.Match[str]) -> str:
    return repr(text[max(found.start() - 10, 0) : found.end() + 30])


@contextmanager
def _writes_noticed() -> Iterator[list[str]]:
    found: list[str] = []

    def notice(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if any(True for _ in writes(str(sql))):
            found.append(str(sql)[:80])
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(notice))
        yield found
