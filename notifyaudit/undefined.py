"""
Variables that a template names and nobody gave it. Both engines make them an empty string, which a reader
sees as a hole in a sentence; here they are noticed, and in tests they are an error.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

import jinja2
from django.template import Engine, engines
from django.template.backends.django import DjangoTemplates
from django.template.backends.jinja2 import Jinja2
from django.template.base import FilterExpression, Node, VariableNode
from jinja2.environment import create_cache

from notifyaudit import rendering
from notifyaudit.exceptions import UndefinedVariable

_GUARDS = {"default", "default_if_none"}
_CACHED = 400  # templates, as Jinja2 itself does

_holes: ContextVar[dict[str, None] | None] = ContextVar("notifyaudit_holes", default=None)
_engines_are_mine = threading.RLock()
_is_forbidden = False


@contextmanager
def forbidden(*, yes: bool = True) -> Iterator[None]:
    """For tests: inside the block :func:`refused` means it, or, not ``yes``, does not."""
    global _is_forbidden  # noqa: PLW0603 - of all threads that a test has
    before, _is_forbidden = _is_forbidden, yes
    try:
        yield
    finally:
        _is_forbidden = before


@contextmanager
def refused() -> Iterator[None]:
    """
    Nothing but the block itself in production, where a mail with a hole is better than none.

    Raises:
        UndefinedVariable: in a test, if a variable is printed in the block and not defined.
    """
    if not _is_forbidden:
        yield
        return
    with noticed() as holes:
        yield
    if holes:
        raise UndefinedVariable(holes)


@contextmanager
def noticed() -> Iterator[dict[str, None]]:
    """
    Collect the names of variables that are printed inside the block although they are not defined, each with
    its template and line: ``"owner.name in orders/paid.html:7"``. Names in conditions and loops, and those
    with a ``default`` filter, are meant to be missing at times. What is rendered stays what it is without.

    Blocks may be nested; the innermost notices. The engines are the whole process's: a block in another
    thread waits for this one's end, and what other threads render meanwhile is not noticed, but a
    ``string_if_invalid``, or an ``undefined`` that raises, does not hold there either.
    """
    found: dict[str, None] = {}
    with _engines_are_mine, ExitStack() as changed:
        changed.callback(_holes.reset, _holes.set(found))
        for engine in _django_engines():
            changed.enter_context(_set(engine, "string_if_invalid", _Invalid()))
        for environment in _jinja_environments():
            kept = _kept.setdefault(environment, (_noticing(environment.undefined), create_cache(_CACHED)))
            changed.enter_context(_set(environment, "undefined", kept[0]))
            # The macros of a template that is kept hold on to the class with which it was first imported.
            changed.enter_context(_set(environment, "cache", kept[1]))
        yield found


_kept: "WeakKeyDictionary[jinja2.Environment, tuple[Any, Any]]" = WeakKeyDictionary()
"""What takes the place of an environment's own, for all blocks: to compile a template takes long."""


@contextmanager
def _set(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _django_engines() -> list[Engine]:
    configured = [backend.engine for backend in engines.all() if isinstance(backend, DjangoTemplates)]
    return [rendering.LINES, *configured]


def _jinja_environments() -> list[jinja2.Environment]:
    # All of them before the first is changed: plain() copies what it finds.
    configured = [backend.env for backend in engines.all() if isinstance(backend, Jinja2)]
    return [*configured, *map(rendering.plain, configured)]


class _Invalid(str):
    """
    Django's ``string_if_invalid``. A variable that is not there asks whether it is true; one whose look-up
    fails on the way, such as a relation that is not set, has it as its value. It notes both, and is empty.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        # Were it true, Django would leave out the filters, and take the wrong side of an {% if %}.
        asking = _caller()
        if asking.f_code is FilterExpression.resolve.__code__:
            _note_expression(asking.f_locals["self"], asking)
        return False

    def __str__(self) -> str:
        asking = _caller()
        if (expression := _printed(asking)) is not None:
            _note_expression(expression, asking)
        return ""

    def __contains__(self, text: object) -> bool:
        return text == "%s"  # Only {% blocktranslate %} gets so far as to ask.

    def __mod__(self, name: Any) -> str:
        _note(str(name), _caller())
        return ""


def _noticing(undefined: type[jinja2.Undefined]) -> type[jinja2.Undefined]:
    class Noticing(undefined):  # type: ignore[misc, valid-type]
        def __str__(self) -> str:
            owner = self._undefined_obj
            of = "" if owner is jinja2.utils.missing else f"{type(owner).__name__}."
            _note(f"{of}{self._undefined_name}", _caller())
            return ""

    return Noticing


def _note_expression(expression: FilterExpression, asking: FrameType) -> None:
    if not any(function.__name__ in _GUARDS for function, _ in expression.filters):
        _note(str(expression.var), asking)


def _note(name: str, asking: FrameType) -> None:
    found = _holes.get()
    if found is not None:
        found[name + _place(asking)] = None


def _printed(asking: FrameType) -> FilterExpression | None:
    """The expression that is being filtered or printed, or none if the string is used otherwise."""
    for frame in _callers(asking):
        match frame.f_locals.get("self"):
            case FilterExpression() as expression:
                return expression
            case VariableNode(filter_expression=expression):
                return expression
            case Node():
                return None
    return None


def _place(asking: FrameType) -> str:
    """`` in template:line``, of the included template or the block where it stands, if it has a name."""
    for frame in _callers(asking):
        node, template = frame.f_locals.get("self"), frame.f_globals.get("__jinja_template__")
        if isinstance(node, Node) and node.token is not None:
            name = getattr(node.origin, "template_name", None)
            return f" in {name}:{node.token.lineno}" if name else ""
        if isinstance(template, jinja2.Template):
            line = template.get_corresponding_lineno(frame.f_lineno)
            return f" in {template.name}:{line}" if template.name else ""
    return ""


def _caller() -> FrameType:
    return sys._getframe(2)  # noqa: SLF001 - it is documented, for all its name


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    # Neither engine tells a variable where it stands; what renders it does.
    while frame is not None:
        yield frame
        frame = frame.f_back
