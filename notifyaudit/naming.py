"""
A function or a class by a path under which every process finds it: ``"shop.receivers:tell_owner"``, a module
and the qualified name in it. And the new paths of what has been moved.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from inspect import isclass, iscoroutinefunction, ismethod
from typing import Any

from notifyaudit.exceptions import ConfigurationError

LENGTH = 255
"""So much of a path can be stored."""

_moved: dict[str, str] = {}


class NotFound(LookupError):
    """There is nothing under a path, or nothing that can be called."""


def path_of(thing: Any) -> str:
    """
    Where a function, a class, or the class method of one, is defined. Whether it can be found there is
    another question: see :func:`is_found`.

    Raises:
        ValueError: if it can be found nowhere; the message is the second half of a sentence: "… is a lambda".
    """
    owner = thing.__self__ if ismethod(thing) else thing
    if isinstance(thing, partial):
        raise ValueError("is a functools.partial")  # noqa: TRY004 - it has no name, whatever its type
    if owner is not thing and not isclass(owner):
        raise ValueError(f"is a method of the instance {owner!r}")
    module, name = getattr(owner, "__module__", None), getattr(owner, "__qualname__", None)
    if not module or not name:
        raise ValueError(f"is an object of {type(thing).__qualname__}, not a function")
    if "<lambda>" in name:
        raise ValueError("is a lambda")
    if "<locals>" in name:
        raise ValueError(
            "is defined within another function, as is what a decorator returns without functools.wraps"
        )
    if module == "__main__":
        raise ValueError("is defined in __main__, which is another module in each process")
    path = f"{module}:{name}" if owner is thing else f"{module}:{name}.{thing.__name__}"
    if len(path) > LENGTH:
        raise ValueError(f"has a path of more than {LENGTH} characters")
    return path


def receiver_path(receiver: Any) -> str:
    """
    The path of what is to be called in another process.

    Raises:
        ValueError: as :func:`path_of`; also for a class and for an async function.
    """
    if isclass(receiver):
        raise ValueError("is a class")
    path = path_of(receiver)
    if iscoroutinefunction(receiver):
        raise ValueError("is an async function, and a transaction cannot be had in one")
    return path


def is_found(thing: Any, path: str) -> bool:
    """
    Whether this, and nothing else, is found under that path: a second function of the same name in the
    module, a decorator around it, or a rename of what had the path before, hides a function.
    """
    try:
        return bool(find(path) == thing)
    except NotFound:
        return False


def find(path: str) -> Any:
    """
    What is under the path now, or under the one to which it has been moved.

    Raises:
        NotFound: if this code does not have it (yet, or any more), or its module cannot be imported.
    """
    return _at(current(path))


def find_receiver(path: str) -> Callable[..., Any]:
    """
    As :func:`find`.

    Raises:
        NotFound: also if what is there cannot be called.
    """
    found = find(path)
    if not callable(found):
        raise NotFound(f"{current(path)} is {found!r}, which cannot be called")
    return found  # type: ignore[no-any-return]


def find_signal(path: str) -> Any:
    """
    As :func:`find`.

    Raises:
        NotFound: also if what is there cannot be sent reliably.
    """
    found = find(path)
    if isclass(found) or not hasattr(found, "send_reliable"):
        raise NotFound(f"{current(path)} is {found!r}, which is no ReliableSignal")
    return found


def is_there(path: str) -> bool:
    """Whether this code has it."""
    try:
        find(path)
    except NotFound:
        return False
    return True


def move(paths: Mapping[str, str]) -> None:
    """
    Say where things are now that had another path: ``{"shop.receivers:old": "shop.mails:new"}``.

    Raises:
        ConfigurationError: if one of them is no path, has been moved to somewhere else too, or to itself.
    """
    for old, new in paths.items():
        for path in (old, new):
            module, _, name = path.partition(":")
            if not (module and name):
                raise ConfigurationError(
                    f"renamed={{{old!r}: {new!r}}}: {path!r} is no path; write 'module:function'."
                )
        if _moved.get(old, new) != new:
            raise ConfigurationError(f"renamed: {old!r} cannot be both {_moved[old]!r} and {new!r}.")
        if current(new) == old:
            raise ConfigurationError(f"renamed: {old!r} is {new!r}, which is {old!r} again.")
        _moved[old] = new


def current(path: str) -> str:
    """Where it is now."""
    while path in _moved:
        path = _moved[path]
    return path


def _at(path: str) -> Any:
    module, _, names = path.partition(":")
    try:
        found: Any = import_module(module)
        for name in names.split("."):
            found = getattr(found, name)
    except Exception as error:
        # The module is the project's, and whatever it raises while it is imported, nothing is found.
        raise NotFound(f"{path}: {type(error).__name__}: {error}") from error
    return found
