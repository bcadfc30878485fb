"""``make bench``: every comparison in one run, on the database that NOTIFYAUDIT_TEST_DB names."""

import os
import platform

import django


def main() -> None:
    """Make a database of its own, measure, and remove it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    django.setup()

    from django.db import connection  # noqa: PLC0415 - needs Django set up

    from benchmarks import harness, recording  # noqa: PLC0415 - needs Django set up

    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        print(f"Python {platform.python_version()}, Django {django.get_version()}, {connection.vendor}")
        # First the one that leaves nothing behind: each sweep would route what the other has committed.
        harness.run()
        recording.run()
    finally:
        connection.creation.destroy_test_db(str(name), verbosity=0)


if __name__ == "__main__":
    main()
