"""Which line of the project is writing at the moment."""

import inspect
import os
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import django
from django.db.models import Manager, Model, QuerySet

_OURS = tuple(str(Path(module).parent) + os.sep for module in (django.__file__, __file__))
_PACKAGES = tuple(
    sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
)
_HANDLER = str(Path(django.__file__).parent / "core" / "handlers" / "base.py")
# A project's override of one of these writes on behalf of whoever called it.
_PASSED_ON = {
    *(
        "save",
        "delete",
        "create",
        "update",
        "get_or_create",
        "update_or_create",
        "bulk_create",
        "bulk_update",
    ),
    *("asave", "adelete", "acreate", "aupdate", "aget_or_create", "aupdate_or_create"),
}


class Origin(NamedTuple):
    """A line of a file; an empty path when nothing in the stack tells."""

    path: str
    line: int


def origin(model: type[Model]) -> Origin:
    """
    The innermost line of the project that led to this call. Passed over are Django, this library, installed
    packages, and a model's own ``save()``, ``delete()`` and the like, which write for their caller.

    Inside a request that has no such line (a generic view, the admin) it is where the view is defined: the
    lines further out, a middleware or a test's client, did not write.
    """
    spare: Origin | None = None
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        code = frame.f_code
        if is_project(code.co_filename):
            here = Origin(code.co_filename, frame.f_lineno)
            if not _is_passed_on(frame, code, model):
                return here
            spare = spare or here
        elif code.co_filename == _HANDLER and "callback" in code.co_varnames:
            callback = frame.f_locals.get("callback")
            if callback is not None:
                return _definition(callback)
        elif spare is None and not code.co_filename.startswith((*_OURS, "<")) and not _is_standard(code):
            spare = Origin(code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return spare or Origin("", 0)


@cache
def is_project(path: str) -> bool:
    """Whether a file belongs to the project, and not to Django, this library, Python or a package."""
    parts = Path(path).parts
    return bool(parts) and not (
        path.startswith((*_OURS, *_PACKAGES, "<")) or "site-packages" in parts or "dist-packages" in parts
    )


def _is_standard(code: CodeType) -> bool:
    return code.co_filename.startswith(_PACKAGES[:2]) and "site-packages" not in code.co_filename


def _is_passed_on(frame: FrameType, code: CodeType, model: type[Model]) -> bool:
    if code.co_name not in _PASSED_ON or not code.co_argcount:
        return False
    caller: Any = frame.f_locals.get(code.co_varnames[0])
    if isinstance(caller, Manager | QuerySet):
        return issubclass(caller.model, model)
    return isinstance(caller, model)


@cache
def _definition(callback: Callable[..., Any]) -> Origin:
    admin = getattr(callback, "model_admin", None)
    view = (
        type(admin)
        if admin is not None
        else getattr(callback, "view_class", None)
        or getattr(callback, "cls", None)
        or inspect.unwrap(callback)
    )
    try:
        return Origin(inspect.getsourcefile(view) or "", inspect.getsourcelines(view)[1])
    except (OSError, TypeError):
        return Origin("", 0)
