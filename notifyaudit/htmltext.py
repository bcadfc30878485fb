"""The plain text of an HTML mail, for readers and programs that do not show HTML."""

import re
from html.parser import HTMLParser

# Not "head", whose end tag may be left out (HTML, section 13.1.2.4): all that it can hold is here.
_UNSEEN = {"style", "script", "title", "template"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre", "hr"}
_LINES = {"div", "li", "tr", "dt", "dd", "section", "article", "header", "footer", "main", "figure"}
_BEFORE = _PARAGRAPHS | _LINES - {"li", "tr", "dt", "dd"}
_SPACE = re.compile(r"\s+")


class _TextWriter(HTMLParser):
    """
    Writes while it reads. Inline tags never break a line, blocks do; a table is a line per row with
    its cells side by side; what is hidden (a preheader) and what is no content is left out.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen: list[str] = []
        self._links: list[tuple[str, int]] = []
        self._lists: list[int | None] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag in _BEFORE and self._unseen[-1:] == ["p"]:
            self._unseen.pop()  # a paragraph ends where the next block begins, with or without </p>
        if self._unseen or tag in _UNSEEN or _is_hidden(given):
            if tag not in _VOID:
                self._unseen.append(tag)
            return
        if tag in _PARAGRAPHS:
            self._break(2)
        elif tag in _LINES:
            self._break(1)
        self._open(tag, given)

    def _open(self, tag: str, given: dict[str, str]) -> None:
        match tag:
            case "br":
                self.parts.append("\n")
            case "a":
                self._links.append((given.get("href", ""), len(self.parts)))
            case "ul" | "ol":
                self._lists.append(0 if tag == "ol" else None)
            case "li":
                self.parts.append(self._bullet())
            case "td" | "th":
                if self.parts and not self.parts[-1].endswith("\n"):
                    self.parts[-1] = self.parts[-1].rstrip(" ")
                    self.parts.append("  ")
            case "img" if given.get("alt"):
                self.parts.append(given["alt"])

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            # Forgive what was never closed inside of an unseen element.
            if tag in self._unseen:
                del self._unseen[len(self._unseen) - 1 - self._unseen[::-1].index(tag) :]
            return
        if tag == "a" and self._links:
            href, start = self._links.pop()
            label = _SPACE.sub(" ", "".join(self.parts[start:])).strip()
            if href and not href.startswith("#") and href.removeprefix("mailto:") != label:
                self.parts.append(f" ({href})" if label else href)
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if tag in _PARAGRAPHS:
            self._break(2)
        elif tag in _LINES:
            self._break(1)

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        text = _SPACE.sub(" ", data)
        if not self.parts or self.parts[-1].endswith(("\n", " ")):
            text = text.lstrip(" ")
        if text:
            self.parts.append(text)

    def _bullet(self) -> str:
        if self._lists and (number := self._lists[-1]) is not None:
            self._lists[-1] = number + 1
            return f"{number + 1}. "
        return "- "

    def _break(self, wanted: int) -> None:
        """End the line, so that ``wanted`` line breaks stand here; nothing to end at the very top."""
        if self.parts:
            there = len(self.parts[-1]) - len(self.parts[-1].rstrip("\n"))
            self.parts.append("\n" * max(0, wanted - there))


def _is_hidden(attributes: dict[str, str]) -> bool:
    style = attributes.get("style", "").replace(" ", "").lower()
    return "hidden" in attributes or "display:none" in style


def html_to_text(html: str) -> str:
    """
    The text of an HTML document: links as ``label (url)``, lists with bullets or numbers, table rows as
    lines; without title, styles and hidden elements.
    """
    writer = _TextWriter()
    writer.feed(html)
    writer.close()
    lines = [line.strip() for line in "".join(writer.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
