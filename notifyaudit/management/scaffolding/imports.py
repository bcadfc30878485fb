"""Adds imports to a module's source, where a person, or a formatter, would put them."""

import ast
import sys
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name
from itertools import takewhile

LINE_LENGTH = 88

Import = ast.Import | ast.ImportFrom


def with_imports(source: str, needed: Iterable[tuple[str, str]], *, module: str) -> str:
    """
    Args:
        source: of the module.
        needed: each as ``(module, name)``.
        module: the dotted name of what is changed, so that its relative imports are understood.

    Raises:
        SyntaxError: if the source is none.
    """
    if source and not source.endswith("\n"):
        source += "\n"
    for origin, name in needed:
        # What the module calls so already stays what it is, wherever it has it from.
        if name not in _bound(ast.parse(source).body):
            source = _with_import(source, origin, name, module)
    return source


def names_in(source: str) -> set[str]:
    """
    What a module defines and imports, also under a condition.

    Raises:
        SyntaxError: if the source is none.
    """
    return _bound(_with_branches(ast.parse(source).body))


def _with_branches(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            yield from _with_branches(ast.iter_child_nodes(node))


def _bound(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                found.add(node.name)
            case ast.Import() | ast.ImportFrom():
                found.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
            case ast.Assign():
                found.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return found


def _with_import(source: str, origin: str, name: str, module: str) -> str:
    imports = [node for node in ast.parse(source).body if isinstance(node, Import)]
    lines = source.splitlines(keepends=True)
    for node in imports:
        if not isinstance(node, ast.ImportFrom) or _origin(node, module) != origin:
            continue
        longer = _longer(node, name)
        # A comment, another statement or a line more would be lost.
        stands_alone = lines[node.lineno - 1].rstrip() == ast.get_source_segment(source, node)
        if stands_alone and node.names[0].name != "*" and len(longer) <= LINE_LENGTH:
            lines[node.lineno - 1] = f"{longer}\n"
            return "".join(lines)
    return _inserted(source, f"from {origin} import {name}\n", origin, module)


def _longer(node: ast.ImportFrom, name: str) -> str:
    said = [f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in node.names]
    return f"from {'.' * node.level}{node.module or ''} import {', '.join(sorted([*said, name], key=_kind))}"


def _kind(name: str) -> tuple[int, str]:
    # As formatters do: CONSTANTS, Classes, functions.
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def _inserted(source: str, line: str, origin: str, module: str) -> str:
    lines = source.splitlines(keepends=True)
    imports = [node for node in ast.parse(source).body if isinstance(node, Import)]
    own = _place(origin, module)
    before = [node for node in imports if _place_of(node, module) <= own]
    behind = imports[len(before) :]
    sections = [_place_of(node, module)[0] for node in (*before[-1:], *behind[:1])]
    if behind and sections[-1] == own[0]:
        at = behind[0].lineno - 1
        return "".join([*lines[:at], line, *lines[at:]])
    if before:
        at, begins = before[-1].end_lineno or 0, sections[0] != own[0]
    else:
        at = behind[0].lineno - 1 if behind else _after_head(source)
        begins = not behind and at > 0
    ends = lines[at : at + 1] not in ([], ["\n"])
    return "".join([*lines[:at], "\n" if begins else "", line, "\n" if ends else "", *lines[at:]])


def _after_head(source: str) -> int:
    """The lines of the docstring and what is above it, or of a licence."""
    body = ast.parse(source).body
    if body and ast.get_docstring(ast.Module(body=body, type_ignores=[])) is not None:
        return body[0].end_lineno or 0
    lines = source.splitlines()
    comments = len(list(takewhile(lambda line: line.startswith("#"), lines)))
    # A comment right above a statement is about that.
    return 0 if "".join(lines[comments : comments + 1]).strip() else comments


def _place_of(node: Import, module: str) -> tuple[int, int, str]:
    if isinstance(node, ast.Import):
        section, _, _ = _place(node.names[0].name, module)
        return section, 0, node.names[0].name
    if node.level:
        return 3, 1, node.module or ""
    return _place(node.module or "", module)


def _place(origin: str, module: str) -> tuple[int, int, str]:
    """The section, ``import`` before ``from``, and the name."""
    top = origin.partition(".")[0]
    if top == "__future__":
        return -1, 1, origin
    if top in sys.stdlib_module_names:
        return 0, 1, origin
    return (2 if top == module.partition(".")[0] else 1), 1, origin


def _origin(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    try:
        return resolve_name("." * node.level + (node.module or ""), module.rpartition(".")[0])
    except ImportError:
        return ""
