"""``make bench``: every comparison in one run, on the database that NOTIFYAUDIT_TEST_DB names."""

import os
import platform
import sys
from importlib import import_module

import django

# First the one that leaves nothing behind: each sweep would route what the others have committed.
COMPARISONS = ("harness", "recording", "fanout", "sending", "subscribers", "digests", "triggers")


def main(*chosen: str) -> None:
    """Make a database of its own, measure, and remove it; ``chosen``: only these comparisons."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()

    from django.db import connection  # noqa: PLC0415 - needs Django set up

    if unknown := set(chosen) - set(COMPARISONS):
        sys.exit(f"no such comparison: {', '.join(unknown)}; there are {', '.join(COMPARISONS)}")
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        print(f"Python {platform.python_version()}, Django {django.get_version()}, {connection.vendor}")
        for comparison in COMPARISONS:
            if comparison in chosen or not chosen:
                import_module(f"benchmarks.{comparison}").run()
    finally:
        connection.creation.destroy_test_db(str(name), verbosity=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
