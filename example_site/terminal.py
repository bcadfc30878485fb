"""Quiet output for a person: headings, labelled facts and quoted mails; colour only where it is wanted."""

import os
import sys
import textwrap
from typing import TextIO

LABEL_WIDTH = 13
QUOTE_WIDTH = 100
BOLD, DIM, RED = "1", "2", "31"


class Terminal:
    """Writes to a stream, with colour on a terminal unless ``NO_COLOR`` is set (https://no-color.org)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._colour = (
            self._stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )

    def heading(self, text: str) -> None:
        self._line("")
        self._line(self._styled(text, BOLD))
        self._line("")

    def say(self, text: str) -> None:
        self._line(textwrap.indent(text, "  "))

    def fact(self, label: str, text: str) -> None:
        """A label and what it stands for; more lines of it are indented below."""
        first, *more = text.splitlines() or [""]
        self._line(f"  {self._styled(label.ljust(LABEL_WIDTH), DIM)}{first}")
        for line in more:
            self._line(f"  {' ' * LABEL_WIDTH}{line}")

    def quote(self, text: str) -> None:
        """A text that is not ours, with a rule at its side."""
        for line in text.splitlines():
            for part in textwrap.wrap(line, QUOTE_WIDTH, break_long_words=False) or [""]:
                self._line(f"    {self._styled('│', DIM)} {part}".rstrip())

    def gap(self) -> None:
        self._line("")

    def complain(self, text: str) -> None:
        self._line("")
        self._line(self._styled(text, RED))

    def _styled(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)
