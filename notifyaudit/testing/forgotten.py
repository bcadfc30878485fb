"""The writes of a test that came without an event, told by the line that wrote."""

import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from notifyaudit.journal import Write
from notifyaudit.origins import is_project
from notifyaudit.watching import watching

_MEND = """\
Record what happened in the same transaction.atomic(), before or after the write: record(…, target=…), or \
write inside of track(…). If there is nothing to tell: with unaudited("why"): …"""


class ForgottenWrites:
    """Collects them, and forgets those that only arrange a test."""

    def __init__(self, root: Path, settle: Callable[[], None], writes: dict[Write, None]) -> None:
        self._root = root
        self._settle = settle
        self._writes = writes

    @classmethod
    @contextmanager
    def watching(cls, root: Path) -> Iterator["ForgottenWrites"]:
        """Collect all that is written inside the block, in a project below ``root``."""
        writes: dict[Write, None] = {}
        with watching(writes.setdefault) as settle:
            yield cls(root, settle, writes)

    def take(self) -> str:
        """What a test that ends now must be failed with; empty if it forgot nothing."""
        self._settle()
        writes = [write for write in self._writes if not is_arrangement(write.path, self._root)]
        self._writes.clear()
        if not writes:
            return ""
        what = (
            "a write to an audited model" if len(writes) == 1 else f"{len(writes)} writes to audited models"
        )
        return "\n".join([f"{what} without an event", "", *map(self._told, writes), "", _MEND])

    def _told(self, write: Write) -> str:
        source = linecache.getline(write.path, write.line).strip()
        return (
            f"{_below(write.path, self._root)}:{write.line}: {write.operation} of {write.label}\n    {source}"
        )


def is_arrangement(path: str, root: Path) -> bool:
    """
    Whether a line of this file sets the stage: a test, a conftest, a factory, a migration; or a package, such
    as pytest-django with its fixtures.
    """
    if not is_project(path):
        return True
    *directories, name = _below(path, root).parts
    return (
        name in {"conftest.py", "tests.py", "factories.py"}
        or name.startswith("test_")
        or name.endswith("_test.py")
        or not {"tests", "factories", "migrations"}.isdisjoint(directories)
    )


def is_to_be_tested(cls: type, root: Path) -> bool:
    """Whether a class is of neither the tests of the project below ``root`` nor the library itself."""
    return not cls.__module__.startswith("notifyaudit.") and not _is_of_tests(cls, root)


def _is_of_tests(cls: type, root: Path) -> bool:
    path = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return path is not None and is_project(path) and is_arrangement(path, root)


def _below(path: str, root: Path) -> Path:
    return Path(path).relative_to(root) if Path(path).is_relative_to(root) else Path(path)
