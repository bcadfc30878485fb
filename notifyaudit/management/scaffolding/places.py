"""Where an app keeps its templates and its tests, and how it writes them."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.core.management.base import CommandError
from django.template import TemplateDoesNotExist, engines
from django.template.backends.django import DjangoTemplates
from django.template.backends.jinja2 import Jinja2
from django.template.loaders import app_directories, cached, filesystem

LAYOUT = "notifyaudit/email.html"

_BACKENDS = {"django": DjangoTemplates, "jinja2": Jinja2}
_FOLDERS = {"django": "templates", "jinja2": "jinja2"}


def backend(name: str) -> Any:
    """The first engine of this kind; ``None`` if there is none."""
    return next((each for each in engines.all() if isinstance(each, _BACKENDS[name])), None)


def template_folder(config: AppConfig, engine: str) -> Path:
    """
    Where an app's templates stand, so that they and the layout are found.

    Raises:
        CommandError: if the engine would not find them.
    """
    found = backend(engine)
    if found is None:
        raise CommandError(
            f"TEMPLATES has no engine for {engine}. Configure one, or choose the other: --engine."
        )
    try:
        found.get_template(LAYOUT)
    except TemplateDoesNotExist as error:
        raise CommandError(
            f"The engine {found.name!r} does not find {LAYOUT!r}, which the new template extends. Set its "
            "APP_DIRS to True in TEMPLATES."
        ) from error
    looks_into_apps, directories = _search(found)
    if looks_into_apps:
        return Path(config.path) / _FOLDERS[engine]
    if directories:
        return Path(directories[0])
    raise CommandError(
        f"The engine {found.name!r} looks into no directory. Set its APP_DIRS or DIRS in TEMPLATES."
    )


def _search(backend: Any) -> tuple[bool, list[Any]]:
    """Whether an engine looks into apps, and which other directories it looks into."""
    if isinstance(backend, Jinja2):
        return backend.app_dirs, list(backend.dirs)
    loaders: list[Any] = []
    for loader in backend.engine.template_loaders:
        loaders += loader.loaders if isinstance(loader, cached.Loader) else [loader]
    into_apps = any(isinstance(loader, app_directories.Loader) for loader in loaders)
    plain = [
        loader
        for loader in loaders
        if isinstance(loader, filesystem.Loader) and not isinstance(loader, app_directories.Loader)
    ]
    return into_apps, [directory for loader in plain for directory in loader.get_dirs()]


def test_path(config: AppConfig, snake: str) -> Path:
    """Where the test goes: into the app's folder of tests, if it has one."""
    folder = Path(config.path) / "tests"
    return (folder if folder.is_dir() else folder.parent) / f"test_{snake}_email.py"


def style_of_tests(config: AppConfig) -> str:
    """As the app's tests are; without any, pytest's if it is installed."""
    root = Path(config.path)
    paths = sorted({*root.glob("test*.py"), *root.glob("tests/**/*.py")})
    sources = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    if any(
        re.search(r"^(?:async )?def test_|^import pytest|^from pytest", source, re.MULTILINE)
        for source in sources
    ):
        return "pytest"
    if any(re.search(r"^class \w+\(.*TestCase", source, re.MULTILINE) for source in sources):
        return "unittest"
    return "pytest" if find_spec("pytest") is not None else "unittest"
