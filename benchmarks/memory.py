"""How much memory a piece of work takes at its peak, in a process of its own."""

import os
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import django

_STATUS = Path("/proc/self/status")
_DATABASE = "NOTIFYAUDIT_BENCH_DATABASE"


def report_peaks(title: str, work: str, sizes: list[int]) -> None:
    """
    Print the peak for each size, next to that of a process which has done the smallest.

    Args:
        title: of the table.
        work: a function of a size, ``"module:function"`` in this package.
        sizes: the smallest first.
    """
    print(f"\n{title}: peak of the process")
    for size in sizes:
        before, after = _measured(work, sizes[0], size)
        print(f"  {size:>9,} {after / 1024:>8.1f} MB, {(after - before) / 1024:>+6.1f} MB", flush=True)


def _measured(work: str, *sizes: int) -> list[int]:
    from django.db import connection  # noqa: PLC0415 - the child has to set up Django first

    environment = {**os.environ, _DATABASE: str(connection.settings_dict["NAME"])}
    command = [sys.executable, "-m", "benchmarks.memory", work, *map(str, sizes)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return [int(word) for word in done.stdout.split()]


def _peak() -> int:
    """In KB."""
    # Where there is one, the process' own: ru_maxrss begins with that of the process that started it.
    if _STATUS.exists():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)


def main(work: str, *sizes: str) -> None:
    """Do the work in each of the sizes, and print the peak so far after each."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()

    from django.db import connection  # noqa: PLC0415 - needs Django set up

    connection.settings_dict["NAME"] = os.environ[_DATABASE]
    module, name = work.split(":")
    function = getattr(import_module(f"benchmarks.{module}"), name)
    for size in sizes:
        function(int(size))
        print(_peak())


if __name__ == "__main__":
    main(*sys.argv[1:])
