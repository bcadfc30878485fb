"""The tutorial, followed word for word in a new project: its files, its commands, its output."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import django
import pytest

from tests.docs.pages import DOCS, ROOT, Block, blocks

TUTORIAL = DOCS / "tutorial" / "first-email.md"
DOCTEST = """
import doctest, sys
sys.exit(bool(doctest.testfile(sys.argv[1], module_relative=False, encoding="utf-8").failed))
"""


class Reader:
    """Does what the page says. Installing is left out: the tests run where the library is installed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "PYTEST_ADDOPTS": "-p no:cacheprovider",
        }

    def follow(self, block: Block) -> None:
        match block.language:
            case "console":
                for command, expected in commands_of(block):
                    self.run(command, expected, block.where)
            case "python" | "html+django":
                self.write(block)
            case "pycon":
                self.type_in(block)
            case _:
                raise AssertionError(f"{block.where}: who follows a {block.language!r} block?")

    def run(self, command: str, expected: str, where: str) -> None:
        words = shlex.split(command)
        if words[0] == "pip" or words[0] == "." or "venv" in words:
            return
        program = {"python": [sys.executable], "django-admin": [sys.executable, "-m", "django"]}[words[0]]
        output = self.call([*program, *words[1:]], where)
        assert re.fullmatch(as_pattern(expected), output, re.DOTALL), (
            f"{where}: {command} printed\n{output}\nand not\n{expected}"
        )

    def write(self, block: Block) -> None:
        if "for Django 5.2" in block.file_note and django.VERSION >= (6, 1):
            return
        path = self.directory / block.file
        assert block.file, f"{block.where}: the first line names no file"
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name == "settings.py":
            path.write_text(path.read_text(encoding="utf-8") + block.code, encoding="utf-8")
        else:
            path.write_text(block.code, encoding="utf-8")

    def type_in(self, block: Block) -> None:
        session = self.directory / "session.txt"
        # What the shell knew before: the page leaves it between blocks only where it says so.
        with session.open("a", encoding="utf-8") as file:
            file.write(block.code + "\n")

    def leave_shell(self, where: str) -> None:
        session = self.directory / "session.txt"
        if session.exists():
            setup = "import django; django.setup()"
            self.call([sys.executable, "-c", f"{setup}\n{DOCTEST}", str(session)], where)
            session.unlink()

    def call(self, command: list[str], where: str) -> str:
        environment = {**self.environment, "DJANGO_SETTINGS_MODULE": "mysite.settings"}
        if "startproject" in command:
            environment = self.environment
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{where}: {command} failed\n{done.stdout}\n{done.stderr}"
        return done.stdout


def commands_of(block: Block) -> list[tuple[str, str]]:
    parts = re.split(r"^\$ (.*)\n", block.code, flags=re.MULTILINE)
    assert not parts[0].strip(), f"{block.where}: output without a command"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def as_pattern(expected: str) -> str:
    """``…`` stands for anything; no output in the page means that it does not matter."""
    return re.escape(expected).replace("…", ".*") if expected.strip() else ".*"


@pytest.mark.parametrize("page", [TUTORIAL], ids=lambda page: page.name)
def test_a_reader_gets_what_the_page_shows(page, tmp_path):
    reader = Reader(tmp_path)
    for block in blocks(page):
        if block.language != "pycon":
            reader.leave_shell(block.where)
        reader.follow(block)
    assert (tmp_path / "db.sqlite3").exists()


def test_other_output_than_the_page_shows_is_seen(tmp_path):
    with pytest.raises(AssertionError, match="printed"):
        Reader(tmp_path).run("python -c 'print(1)'", "2\n", "here")


def test_a_command_that_fails_is_seen(tmp_path):
    with pytest.raises(AssertionError, match="failed"):
        Reader(tmp_path).run("python -c 'raise SystemExit(1)'", "", "here")
