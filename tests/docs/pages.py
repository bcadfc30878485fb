"""The documentation as data: its pages, their code blocks and their links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"

_FENCE = re.compile(
    r"^(?P<ticks>```+)(?P<language>[\w+-]*)\n(?P<code>.*?)^(?P=ticks)$", re.MULTILINE | re.DOTALL
)
_MARKER = re.compile(r"<!-- test: (?P<word>\w+) because (?P<why>[^>]+) -->\n\Z")
_FILE = re.compile(r"(?:# |\{# |<!-- )(?P<path>[\w/.-]+\.(?:py|html|txt))(?P<rest>[^\n]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block, and the marker in the line above it, if there is one."""

    page: Path
    line: int
    language: str
    code: str
    marker: str
    why: str

    @property
    def file(self) -> str:
        """The file that the first line of the block names, as in ``# orders/models.py``."""
        found = _FILE.match(self.code)
        return found["path"] if found else ""

    @property
    def file_note(self) -> str:
        """What the first line says after the file's name."""
        found = _FILE.match(self.code)
        return found["rest"].strip() if found else ""

    @property
    def padded(self) -> str:
        """The code on the lines where it stands in the page, so that a traceback points there."""
        return "\n" * self.line + self.code

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page that a reader of the repository meets."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> Iterator[Block]:
    text = text_of(page)
    for fence in _FENCE.finditer(text):
        marker = _MARKER.search(text[: fence.start()])
        yield Block(
            page=page,
            line=text.count("\n", 0, fence.start()) + 1,
            language=fence["language"],
            code=fence["code"],
            marker=marker["word"] if marker else "",
            why=marker["why"] if marker else "",
        )


def prose_of(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text_of(page))
