"""``pytest --notifyaudit-coverage``: the email classes and actions that no test has asserted."""

import inspect
from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from notifyaudit.testing.coverage import Coverage, coverage

_KEY = "notifyaudit_coverage"


def add_options(parser: pytest.Parser) -> None:
    """``--notifyaudit-coverage`` and ``--notifyaudit-fail-under``."""
    group = parser.getgroup("notifyaudit")
    group.addoption(
        "--notifyaudit-coverage",
        action="store_true",
        help="list the email classes and actions that no test has asserted",
    )
    group.addoption(
        "--notifyaudit-fail-under",
        type=_percent,
        metavar="N",
        help="likewise, and fail if fewer than N percent were asserted",
    )


class CoveragePlugin:
    """One in each process of a run; pytest-xdist's workers send what they have seen to its controller."""

    def __init__(self, config: pytest.Config) -> None:
        self._root = config.rootpath
        self._fail_under: float | None = config.getoption("--notifyaudit-fail-under")
        self._has_run = False

    # First: pytest-xdist starts its workers here.
    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Refuse to measure nothing: a build would pass for ever. And begin anew."""
        if not _is_installed():
            raise pytest.UsageError(
                "--notifyaudit-coverage has nothing to measure: pytest-django has set up no project with "
                "notifyaudit in INSTALLED_APPS."
            )
        coverage.clear()

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """What these would assert will be missing."""
        coverage.is_partial |= bool(items)

    def pytest_runtest_logreport(self) -> None:
        """With ``--collect-only`` and the like no test runs, and there is nothing to judge."""
        self._has_run = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send it, or judge it."""
        _find_all(coverage, self._root)
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_KEY] = coverage.dump()
        elif self._is_below() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker has sent; one that crashed sends nothing."""
        if sent := getattr(node, "workeroutput", {}).get(_KEY):
            coverage.unite(sent)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print it."""
        if not self._has_run:
            return
        terminalreporter.section("notification coverage")
        for line in coverage.lines():
            terminalreporter.write_line(line)
        if self._is_below():
            short = f"{coverage.percent:.2f} % is less than the {self._fail_under:g} % asked for"
            terminalreporter.write_line(f"FAIL notification coverage: {short}", red=True)

    def _is_below(self) -> bool:
        return self._has_run and self._fail_under is not None and coverage.percent < self._fail_under


def _is_installed() -> bool:
    from django.apps import apps  # noqa: PLC0415 - pytest-django has set it up by now

    return apps.ready and apps.is_installed("notifyaudit")


def _find_all(found: Coverage, root: Path) -> None:
    from notifyaudit.actions import known  # noqa: PLC0415 - Django is set up by now
    from notifyaudit.registry import emails  # noqa: PLC0415 - as above
    from notifyaudit.testing.forgotten import is_to_be_tested  # noqa: PLC0415 - as above

    for email_class in emails:
        if is_to_be_tested(email_class, root):
            found.classes[email_class.key] = _place(email_class, root)
    for member in known.members():
        if is_to_be_tested(type(member), root):
            found.actions[member.value] = _place(type(member), root)


def _place(cls: type, root: Path) -> str:
    try:
        path, line = inspect.getsourcefile(cls), inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return cls.__module__
    place = Path(path or cls.__module__)
    return f"{place.relative_to(root) if place.is_relative_to(root) else place}:{line}"


def _percent(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 100:  # noqa: PLR2004 - percent
        raise ArgumentTypeError(f"a number from 0 to 100 is needed, not {text!r}")
    return number
