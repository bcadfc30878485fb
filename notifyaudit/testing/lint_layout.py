"""What is wrong with the layout of a mail: what no reader can make up for, whatever its words are."""

from collections.abc import Iterator
from html import escape

from bs4 import BeautifulSoup
from django.utils.translation import get_language_info

from notifyaudit.inlining import InlineError, inlined

MAX_HTML = 102 * 1024
"""Bytes of HTML after which Gmail cuts a mail off, its link to unsubscribe with it."""

RULES = ("title", "viewport", "dir", "role", "width", "style", "size")

_NO_TABLE = frozenset({"presentation", "none"})


def problems_of_layout(source: str, html: BeautifulSoup, language: str) -> Iterator[tuple[str, str]]:
    """The rule that is broken and how, for each problem of an HTML part in this language."""
    if html.title is None or not html.title.get_text(strip=True):
        yield "title", "it has no <title>, or an empty one: a screen reader says it first"
    if html.find("meta", attrs={"name": "viewport"}) is None:
        meta = '<meta name="viewport" content="width=device-width, initial-scale=1">'
        yield "viewport", f"no {meta}: a phone shows it as wide as a desk does, and tiny"
    yield from _of_direction(html, language)
    yield from _of_tables(html)
    for image in html.select("img:not([width])"):
        yield "width", f'<img src="{image.get("src", "")}"> has no width: Outlook shows it as large as it is'
    yield from _of_styles(html)
    if (size := len(source.encode())) > MAX_HTML:
        yield "size", f"its HTML has {size // 1024} KB: Gmail cuts it off after {MAX_HTML // 1024} KB"


def _of_direction(html: BeautifulSoup, language: str) -> Iterator[tuple[str, str]]:
    root = html.find("html")
    said = str(root.get("dir") or "ltr").lower() if root is not None else "ltr"
    if said not in {"rtl", "auto"} and _is_rtl(language):
        yield "dir", f'no <html dir="rtl">, but {language!r} is written from right to left'


def _of_tables(html: BeautifulSoup) -> Iterator[tuple[str, str]]:
    for table in html.find_all("table"):
        is_layout = str(table.get("role") or "") in _NO_TABLE
        has_heads = any(head.find_parent("table") is table for head in table.find_all("th"))
        if not has_heads and not is_layout:
            yield (
                "role",
                (
                    f"{_named(table)} has no <th>: if it is for the layout alone, give it "
                    'role="presentation"; a screen reader reads it as a table of data'
                ),
            )
        elif has_heads and is_layout:
            yield "role", f"{_named(table)} has <th>, which its role takes from a screen reader"


def _of_styles(html: BeautifulSoup) -> Iterator[tuple[str, str]]:
    for style in dict.fromkeys(str(element["style"]) for element in html.select("[style]")):
        try:
            inlined(f'<style>p {{ margin: 0 }}</style><p style="{escape(style)}">')
        except InlineError:
            yield "style", f'style="{style}" is no CSS: while it is there, no style of the mail is inlined'


def _named(table: object) -> str:
    return str(table).partition(">")[0] + ">"


def _is_rtl(language: str) -> bool:
    try:
        return bool(get_language_info(language)["bidi"])
    except KeyError:
        return False
