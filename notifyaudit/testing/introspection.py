"""What pytest prints for ``assert email.subject == "…"``. Imports no Django: the plugin loads it early."""

import difflib
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

_LINES = 40
"""Of a text, or of a list of mails: more than a screen tells nobody more."""


class Part(str):
    """A text of a mail that knows whose it is. Else a plain string."""

    __slots__ = ("name", "of")

    name: str
    of: str

    def __new__(cls, text: str, *, name: str, of: str) -> Self:
        """
        Args:
            text: what it says.
            name: what part it is, for instance ``"subject"``.
            of: the mail in a few words.
        """
        part = super().__new__(cls, text)
        part.name, part.of = name, of
        return part

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str]]:
        return (str(self),), {"name": self.name, "of": self.of}


class Mail:
    """What stands on a line of its own where mails are listed: a base, so that no Django is needed here."""


def explain(op: str, left: Any, right: Any) -> list[str] | None:
    """The lines for pytest's ``pytest_assertrepr_compare``; ``None`` if this is not about a mail."""
    if op == "==" and isinstance(left, Part) != isinstance(right, Part):
        part, wanted = (left, right) if isinstance(left, Part) else (right, left)
        if isinstance(wanted, str):
            return [f"the {part.name} of {part.of} is another", *difference(part, wanted)]
    if op in {"in", "not in"} and isinstance(right, Part) and isinstance(left, str):
        is_there = "is in" if op == "not in" else "is not in"
        where = (lambda line: left in line) if op == "not in" else None
        return [f"{left!r} {is_there} the {right.name} of {right.of}", *quoted(right, where)]
    if op == "==" and _are_mails(left) and _are_mails(right) and (left or right):
        return _listed(left, right)
    return None


def difference(actual: str, wanted: str) -> list[str]:
    """Two texts below each other, with a mark where they part; of several lines, those that differ."""
    if "\n" in actual or "\n" in wanted:
        return _differing_lines(actual.splitlines(), wanted.splitlines())
    common = next((i for i, (a, b) in enumerate(zip(actual, wanted, strict=False)) if a != b), None)
    position = min(len(actual), len(wanted)) if common is None else common
    before = " " * (len("  wanted  ") + _columns(visible(actual[:position])))
    return [f"  is      {visible(actual)}", f"  wanted  {visible(wanted)}", f"{before}^"]


def quoted(text: str, where: Callable[[str], bool] | None = None) -> list[str]:
    """A text of several lines, as a block: those that are to be seen, or, if there are none such, all."""
    if not text.strip():
        return ["  (empty)"]
    lines = text.splitlines()
    chosen = [line for line in lines if where is not None and where(line)] or lines
    return shortened([f"  | {line}".rstrip() for line in chosen], "lines")


def shortened(lines: Iterable[str], things: str, most: int = _LINES, *, of: int | None = None) -> list[str]:
    """The first of them, and how many there are more (of so many, if not all lines are given)."""
    given = list(lines)
    rest = (len(given) if of is None else of) - most
    return given if rest <= 1 else [*given[:most], f"  … and {rest} more {things}"]


def visible(text: str) -> str:
    """What cannot be seen, such as a blank that does not break, as its escape."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _differing_lines(actual: Sequence[str], wanted: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for tag, start, end, wanted_start, wanted_end in difflib.SequenceMatcher(
        None, actual, wanted, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            continue
        lines.append(f"  line {start + 1}")
        lines += [f"    is      {visible(line)}".rstrip() for line in actual[start:end]]
        lines += [f"    wanted  {visible(line)}".rstrip() for line in wanted[wanted_start:wanted_end]]
    return shortened(lines or ["  only in how it ends"], "lines")


def _columns(text: str) -> int:
    # As a terminal shows them: a Chinese letter is two wide, an accent that follows its letter none.
    wide = sum(unicodedata.east_asian_width(letter) in {"W", "F"} for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def _are_mails(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mail) for item in value)


def _listed(left: list[Mail], right: list[Mail]) -> list[str]:
    only_left = [mail for mail in left if mail not in right]
    only_right = [mail for mail in right if mail not in left]
    if not only_left and not only_right and len(left) == len(right):
        return ["the same mails, in another order", *_lines("left ", left), *_lines("right", right)]
    return [
        "other mails" if len(left) == len(right) else f"{_counted(left)}, not {_counted(right)}",
        *_lines("only left ", only_left),
        *_lines("only right", only_right),
        *_lines("both      ", [mail for mail in left if mail in right]),
    ]


def _counted(mails: list[Mail]) -> str:
    return {0: "no mails", 1: "1 mail"}.get(len(mails), f"{len(mails)} mails")


def _lines(label: str, mails: list[Mail]) -> list[str]:
    return shortened([f"  {label}  {mail!r}" for mail in mails], "mails")
