"""The example site's command line."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line


def main() -> None:
    # Run as a file, Python puts this file's folder on the path, not the repository's root.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_site.settings.local")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
