"""Templates of either engine, as HTML or as plain text; and the plain text of an HTML mail."""

import logging
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import django.template.backends.django
import django.template.backends.jinja2
import jinja2
from django.template import Context, Engine, Origin, Template, TemplateDoesNotExist, engines
from django.template.loader import get_template
from selectolax.lexbor import LexborHTMLParser

from notifyaudit.exceptions import EmptyMail
from notifyaudit.htmltext import text_of
from notifyaudit.inlining import InlineError, inlined
from notifyaudit.siteurls import make_links_absolute

logger = logging.getLogger("notifyaudit")

LINES = Engine(autoescape=False)
"""The engine of subjects."""

_ORIGIN = Origin("<subject>", template_name="subject")


@lru_cache(maxsize=1)
def _own(
    project: django.template.backends.django.DjangoTemplates | None,
) -> django.template.backends.django.DjangoTemplates:
    """
    The library's templates, for projects whose engines do not look into apps. Those of the project's engine
    come first, so that one of the library's may extend what the project has put in its place.
    """
    directories: list[Any] = [Path(__file__).parent / "templates"]
    options: dict[str, Any] = {}
    if project is not None:
        directories = [*project.engine.dirs, *directories]
        options = {
            "context_processors": project.engine.context_processors,
            "builtins": project.engine.builtins,
            "libraries": project.engine.libraries,
        }
    params = {"NAME": "notifyaudit", "DIRS": directories, "APP_DIRS": False, "OPTIONS": options}
    return django.template.backends.django.DjangoTemplates(params)


def _of_project() -> django.template.backends.django.DjangoTemplates | None:
    kind = django.template.backends.django.DjangoTemplates
    return next((engine for engine in engines.all() if isinstance(engine, kind)), None)


def template_of(name: str) -> Any:
    """
    The template of the first configured engine that finds it; else the library's own of that name.

    Raises:
        django.template.TemplateDoesNotExist: if there is none.
        django.template.TemplateSyntaxError: if it does not compile.
    """
    try:
        return get_template(name)
    except TemplateDoesNotExist:
        if not name.startswith("notifyaudit/"):
            raise
        return _own(_of_project()).get_template(name)


def syntax_problem(error: Exception) -> tuple[str, int | None]:
    """What a ``TemplateSyntaxError`` of either engine says, and the line, if it knows."""
    said = error.args[0] if error.args else ""
    if isinstance(said, tuple):  # so Django wraps that of Jinja2
        said = said[0] if said else ""
    line = getattr(error, "lineno", None) or getattr(getattr(error, "token", None), "lineno", None)
    line = line or getattr(error, "template_debug", {}).get("line")
    return str(said).rstrip("."), line


def render_html(template_name: str, context: Mapping[str, Any]) -> str:
    """
    The template as HTML, autoescaped, by the first configured engine that finds it.

    Raises:
        django.template.TemplateDoesNotExist: if no engine finds it.
        django.template.TemplateSyntaxError: if it does not compile.
    """
    template = template_of(template_name)
    try:
        return str(template.render(dict(context)))
    except jinja2.TemplateNotFound as error:
        if not str(error.name).startswith("notifyaudit/"):
            raise
        raise TemplateDoesNotExist(
            f"{template_name} uses {error.name}, which the engine {template.backend.name!r} does not find. "
            'Set its APP_DIRS to True in TEMPLATES, or add jinja2.PackageLoader("notifyaudit", "jinja2") to '
            "the loader of its environment."
        ) from error


def render_text(template_name: str, context: Mapping[str, Any]) -> str:
    """
    The template as plain text, never HTML-escaped, whatever the engine and the ending of its name.

    Raises:
        django.template.TemplateDoesNotExist: if no engine finds it.
        django.template.TemplateSyntaxError: if it does not compile.
    """
    template: Any = template_of(template_name)
    match template:
        case django.template.backends.django.Template():
            return str(template.template.render(Context(dict(context), autoescape=False)))
        case django.template.backends.jinja2.Template():
            return str(plain(template.backend.env).get_template(template_name).render(dict(context)))
    return str(template.render(dict(context)))


def render_bodies(html_name: str, text_name: str | None, context: Mapping[str, Any]) -> tuple[str, str]:
    """
    Both parts of a mail, ``(html, text)``, the HTML with its styles inlined and its links absolute. Without a
    template of its own the text is that of the HTML.

    Raises:
        django.template.TemplateDoesNotExist: if no engine finds one.
        django.template.TemplateSyntaxError: if one does not compile.
        EmptyMail: if there is nothing to read.
    """
    source = render_html(html_name, context)
    try:
        html = inlined(source)
    except InlineError as error:
        # One attribute is no CSS, as style="bold": browsers pass over it, and no mail is lost for it.
        logger.warning("the styles of %s are not inlined: %s", html_name, error)
        html = source
    document = LexborHTMLParser(html)
    if make_links_absolute(document):
        html = document.html or ""
    if html is not source:
        html = _as_declared(html, source)
    text = render_text(text_name, context) if text_name else text_of(document)
    if not text.strip() and not document.css_first("img"):
        raise EmptyMail(text_name or html_name)
    return html, text


_DOCTYPE = re.compile(r"\s*(<!DOCTYPE[^>]*>)", re.IGNORECASE)
_REVEALED = re.compile(r"<!--(\[(?:if [^\]]*|endif)\])-->")


def _as_declared(html: str, source: str) -> str:
    """The HTML with what its source had and a parser does not keep."""
    if (declared := _DOCTYPE.match(source)) and (kept := _DOCTYPE.match(html)):
        html = declared[1] + html[kept.end() :]
    if "<![if" in source:
        # By <![if !mso]> Outlook leaves something out. To a parser it is a comment, and to Outlook no more.
        html = _REVEALED.sub(r"<!\1>", html)
    return html


def render_line(source: str, context: Mapping[str, Any]) -> str:
    """
    A one-line template in Django's syntax, never HTML-escaped. Line breaks in values become spaces: a
    subject is one line (RFC 5322, section 2.2).

    Raises:
        django.template.TemplateSyntaxError: if it does not compile.
    """
    return " ".join(compile_line(source).render(Context(dict(context), autoescape=False)).split())


@lru_cache(maxsize=512)
def compile_line(source: str) -> Template:
    """
    A one-line template, compiled and kept.

    Raises:
        django.template.TemplateSyntaxError: if it does not compile.
    """
    return Template(source, _ORIGIN, engine=LINES)


@lru_cache(maxsize=8)
def plain(environment: jinja2.Environment) -> jinja2.Environment:
    """The same environment for plain text, where nothing is escaped."""
    return environment.overlay(autoescape=False)
