"""What is wrong with a mail that cannot be shown, or has holes: in which template, and on which line."""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import jinja2
from django.template import Template, TemplateDoesNotExist, TemplateSyntaxError, VariableDoesNotExist
from django.template.base import Node
from django.utils.translation import gettext as _
from jinja2 import TemplateNotFound, TemplatesNotFound, UndefinedError

from notifyaudit.origins import is_project
from notifyaudit.rendering import syntax_problem
from notifyaudit.text import named


class NoPreview(Exception):
    """There is nothing to look at; the text says why, and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """
    Args:
        text: what is wrong.
        where: the template and its line, or the module and its line; empty if nobody knows.
    """

    text: str
    where: str = ""


def fault_of(error: Exception) -> Fault:
    """An error of a project's own code or templates, as one reads it who wrote them."""
    where = _place_in_template(error)
    match error:
        case NoPreview():
            return Fault(text=str(error))
        case VariableDoesNotExist():
            # Django's own text shows the whole context.
            return Fault(text=_not_defined(repr(error.params[0])), where=where)
        case UndefinedError():
            return Fault(text=str(error), where=where)
        case TemplateDoesNotExist() | TemplateNotFound() | TemplatesNotFound():
            name = getattr(error, "name", None) or error
            return Fault(text=_("The template %(name)s does not exist.") % {"name": name}, where=where)
        case TemplateSyntaxError() | jinja2.TemplateSyntaxError():
            problem, _line = syntax_problem(error)
            return Fault(
                text=_("The template does not compile: %(problem)s") % {"problem": problem}, where=where
            )
    return Fault(text=named(error), where=where or _place_in_code(error))


def fault_of_hole(name: str) -> Fault:
    """A variable that is printed although nobody defined it, as ``undefined.noticed()`` names it."""
    variable, _separator, where = name.rpartition(" in ")
    return Fault(text=_not_defined(variable or where), where=where if variable else "")


def _not_defined(name: str) -> str:
    return _("%(variable)s is not defined. Give it in get_context_data().") % {"variable": name}


def _place_in_template(error: Exception) -> str:
    """``template:line`` of the innermost template that had a part in it."""
    if isinstance(error.__cause__, jinja2.TemplateSyntaxError):
        error = error.__cause__  # of which Django has made one of its own
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"{error.name or error.filename or ''}:{error.lineno}"
    found = ""
    for frame in _frames(error.__traceback__):
        owner, template = (
            frame.tb_frame.f_locals.get("self"),
            frame.tb_frame.f_globals.get("__jinja_exception__"),
        )
        if isinstance(owner, Node) and owner.token is not None:
            found = _named(owner.origin, owner.token.lineno) or found
        elif isinstance(owner, Template) and (token := getattr(error, "token", None)) is not None:
            found = _named(owner.origin, token.lineno) or found
        elif template is not None:  # Jinja2 puts frames of the template in the place of those of its code
            found = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
    return found


def _named(origin: Any, line: int | None) -> str:
    name = getattr(origin, "template_name", None)
    return f"{name}:{line}" if name else ""


def _place_in_code(error: Exception) -> str:
    """The innermost line of the project; of what is not its own it mends nothing."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if is_project(each.filename)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next
