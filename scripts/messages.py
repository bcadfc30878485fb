"""
Take the texts of the library into its translations: ``make messages``.

Says what is not translated yet, and compiles what is.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.commands import makemessages

LIBRARY = Path(__file__).resolve().parent.parent / "notifyaudit"

# What says when and by whom changes with each run, and says nothing.
VOLATILE = re.compile(
    r'^"(?:Project-Id-Version|Report-Msgid-Bugs-To|POT-Creation-Date|PO-Revision-Date|Last-Translator'
    r"|Language-Team|X-Generator):.*\n",
    re.MULTILINE,
)


class Command(makemessages.Command):
    # A guess looks like a translation, and is none.
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]

    requires_system_checks = []


def refresh(library: Path) -> None:
    """Let each catalogue of this copy of the library hold what its code and templates say, and no more."""
    if not settings.configured:
        settings.configure(USE_I18N=True)
    here = Path.cwd()
    os.chdir(library)
    try:
        call_command(
            Command(),
            locale=languages_of(library),
            domain="django",
            add_location="file",
            no_obsolete=True,
            no_wrap=True,
            verbosity=0,
        )
    finally:
        os.chdir(here)
    for path in catalogues_of(library):
        path.write_text(VOLATILE.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
        run("msgfmt", "--check-format", "--output-file", str(path.with_suffix(".mo")), str(path))


def languages_of(library: Path) -> list[str]:
    return sorted(path.name for path in (library / "locale").iterdir() if path.is_dir())


def catalogues_of(library: Path) -> list[Path]:
    return sorted(library.glob("locale/*/LC_MESSAGES/django.po"))


def untranslated(path: Path) -> str:
    """The entries that have no translation, or one that somebody must look at, as the catalogue has them."""
    entries = ("--no-obsolete", "--no-wrap", str(path))
    return run("msgattrib", "--untranslated", *entries) + run("msgattrib", "--only-fuzzy", *entries)


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout  # noqa: S603


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, default=LIBRARY, help="another copy of it")
    library = parser.parse_args().library.resolve()
    refresh(library)
    found = {path: untranslated(path) for path in catalogues_of(library)}
    for path, entries in found.items():
        if entries:
            print(f"== {path.relative_to(library.parent)}: to be translated\n{entries}")
    if not any(found.values()):
        print(f"All texts are translated: {', '.join(languages_of(library))}.")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
