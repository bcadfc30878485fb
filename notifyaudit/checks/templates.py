"""Whether a template compiles, and all that it extends and includes by a name that stands in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import django.template.backends.django
import django.template.backends.jinja2
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader_tags import ExtendsNode, IncludeNode
from jinja2 import TemplateNotFound, nodes

from notifyaudit.rendering import syntax_problem, template_of


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a template, and how to mend it."""

    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Reference:
    """The names that a template gives, of which one must be there; and how it uses it."""

    names: tuple[str, ...]
    verb: str


def faults_of(name: str) -> Iterator[Fault]:
    """What is wrong with the template of this name, and with those that it is made of."""
    try:
        template = template_of(name)
    except (TemplateDoesNotExist, TemplateSyntaxError) as error:
        yield _fault(error, f"the template {name!r}", name)
        return
    yield from _faults_inside(template, name, {name})


def _faults_inside(template: Any, name: str, seen: set[str]) -> Iterator[Fault]:
    for reference in _references(template, name):
        if seen.issuperset(reference.names):
            continue
        seen.update(reference.names)
        shown = " or ".join(map(repr, reference.names))
        try:
            found, found_name = _first(template.backend, reference.names)
        except (TemplateDoesNotExist, TemplateSyntaxError) as error:
            yield _fault(
                error, f"the template {shown}, which {name!r} {reference.verb},", reference.names[-1]
            )
            continue
        yield from _faults_inside(found, found_name, seen)


def _first(backend: Any, names: tuple[str, ...]) -> tuple[Any, str]:
    for name in names[:-1]:
        try:
            return backend.get_template(name), name
        except TemplateDoesNotExist:
            continue
    return backend.get_template(names[-1]), names[-1]


def _fault(error: Exception, what: str, name: str) -> Fault:
    if isinstance(error, TemplateDoesNotExist):
        # One that it loads while it compiles may be the one that is missing.
        missing = "" if str(error) == name else f": {error} is missing"
        return Fault(
            f"{what} does not exist{missing}.", "Create it, or mend the name, in a directory of TEMPLATES."
        )
    problem, line = syntax_problem(error)
    where = f" (line {line})" if line else ""
    return Fault(f"{what} does not compile: {problem}{where}.", "Mend the template.")


def _references(template: Any, name: str) -> Iterator[_Reference]:
    match template:
        case django.template.backends.django.Template():
            yield from _of_django(template)
        case django.template.backends.jinja2.Template():
            yield from _of_jinja(template.backend.env, name)


def _of_django(template: Any) -> Iterator[_Reference]:
    nodelist = template.template.nodelist
    for node in nodelist.get_nodes_by_type(ExtendsNode):
        yield from _constant(node.parent_name, "extends")
    for node in nodelist.get_nodes_by_type(IncludeNode):
        yield from _constant(node.template, "includes")


def _constant(expression: Any, verb: str) -> Iterator[_Reference]:
    # A variable is known when the mail is rendered.
    if isinstance(expression.var, str) and not expression.filters:
        yield _Reference((str(expression.var),), verb)


def _of_jinja(environment: Any, name: str) -> Iterator[_Reference]:
    try:
        source = environment.loader.get_source(environment, name)[0]
    except (RuntimeError, TemplateNotFound):  # of compiled ones there is none (ModuleLoader)
        return
    kinds = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
    for node in environment.parse(source).find_all(kinds):
        if getattr(node, "ignore_missing", False):
            continue
        try:
            value = node.template.as_const()
        except nodes.Impossible:
            continue
        names = tuple(value) if isinstance(value, list | tuple) else (value,)
        if names and all(isinstance(each, str) for each in names):
            joined = tuple(environment.join_path(each, name) for each in names)
            yield _Reference(joined, _VERBS.get(type(node), "imports"))


_VERBS = {nodes.Extends: "extends", nodes.Include: "includes"}
