"""The plain text of an HTML mail, for readers and programs that do not show HTML."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_UNSEEN = {"head", "style", "script", "title", "template"}
_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre", "hr"}
_LINES = {"div", "li", "tr", "dt", "dd", "section", "article", "header", "footer", "main", "figure"}
_TEXT = "-text"
_MAYBE_HIDDEN = '[hidden], [style*="display" i]'
_SPACE = re.compile(r"\s+")
_ENDS_A_LABEL = (":", "?", "!", ".", "…")


def html_to_text(html: str) -> str:
    """
    The text of an HTML document: links as ``label (url)``, lists with bullets or numbers, table rows as
    lines; without title, styles and hidden elements.
    """
    return text_of(LexborHTMLParser(html))


def text_of(document: LexborHTMLParser) -> str:
    """The same of a document that is parsed already."""
    writer = _TextWriter({each.mem_id for each in document.css(_MAYBE_HIDDEN) if is_hidden(each)})
    if document.root is not None:
        _walk(document.root, writer)
    lines = [line.strip() for line in "".join(writer.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def is_hidden(element: LexborNode) -> bool:
    """Whether no mail program shows it, such as a preheader."""
    given = element.attributes
    style = (given.get("style") or "").replace(" ", "").lower()
    return "hidden" in given or "display:none" in style


def _walk(root: LexborNode, writer: "_TextWriter") -> None:
    # Not by recursion: people's HTML may be nested deeper than Python's stack.
    inside: list[LexborNode] = []
    node: LexborNode | None = root
    while node is not None:
        if writer.open(node):
            inside.append(node)
            if (child := node.child) is not None:
                node = child
                continue
            writer.close(inside.pop())
        while (following := node.next) is None and inside:
            node = inside.pop()
            writer.close(node)
        node = following


class _TextWriter:
    """Inline elements never break a line, blocks do; a row of a table is a line, its cells side by side."""

    def __init__(self, hidden: set[int]) -> None:
        self.parts: list[str] = []
        self._hidden = hidden
        self._links: list[int] = []
        self._lists: list[int | None] = []

    def open(self, node: LexborNode) -> bool:
        """Whether it is an element that is to be read, and then closed."""
        tag = node.tag or ""
        if tag == _TEXT:
            self._text(node.text_content or "")
            return False
        if tag in _UNSEEN or tag.startswith("-") or node.mem_id in self._hidden:
            return False
        self._end_block(tag)
        match tag:
            case "br":
                self.parts.append("\n")
            case "a":
                self._links.append(len(self.parts))
            case "ul" | "ol":
                self._lists.append(0 if tag == "ol" else None)
            case "li":
                self.parts.append(self._bullet())
            case "td" | "th":
                self._cell()
            case "img" if alternative := node.attributes.get("alt"):
                self.parts.append(alternative)
        return True

    def close(self, node: LexborNode) -> None:
        """What was opened is read to its end."""
        tag = node.tag or ""
        if tag == "a":
            self._link(node.attributes.get("href") or "", self._links.pop())
        elif tag in ("ul", "ol"):
            self._lists.pop()
        elif tag == "th" and node.attributes.get("scope") == "row":
            self._label()
        self._end_block(tag)

    def _text(self, content: str) -> None:
        text = _SPACE.sub(" ", content)
        if not self.parts or self.parts[-1].endswith(("\n", " ")):
            text = text.lstrip(" ")
        if text:
            self.parts.append(text)

    def _link(self, href: str, start: int) -> None:
        label = _SPACE.sub(" ", "".join(self.parts[start:])).strip()
        if href and not href.startswith("#") and href.removeprefix("mailto:") != label:
            self.parts.append(f" ({href})" if label else href)

    def _cell(self) -> None:
        while self.parts and self.parts[-1] == " ":
            self.parts.pop()  # between the cells, where the HTML is indented
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts[-1] = self.parts[-1].rstrip(" ")
            self.parts.append(" " if self.parts[-1].endswith(":") else "  ")

    def _label(self) -> None:
        # The head of a row is what the rest of it says something of: "Status: draft → done".
        if self.parts and (text := self.parts[-1].rstrip(" ")) and not text.endswith("\n"):
            self.parts[-1] = text if text.endswith(_ENDS_A_LABEL) else f"{text}:"

    def _bullet(self) -> str:
        if self._lists and (number := self._lists[-1]) is not None:
            self._lists[-1] = number + 1
            return f"{number + 1}. "
        return "- "

    def _end_block(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._break(2)
        elif tag in _LINES:
            self._break(1)

    def _break(self, wanted: int) -> None:
        """End the line, so that ``wanted`` line breaks stand here; nothing to end at the very top."""
        if self.parts:
            there = len(self.parts[-1]) - len(self.parts[-1].rstrip("\n"))
            self.parts.append("\n" * max(0, wanted - there))
