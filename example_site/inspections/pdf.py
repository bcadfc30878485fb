"""An inspection as a PDF: its facts, sections, photos and history, on A4."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

from example_site.inspections.history import Entry
from example_site.inspections.models import Inspection, Section

MARGIN = 22 * mm
# Without this much left on a page, a heading begins the next one.
ROOM = 35 * mm
# The texts themselves stand above; their history only says what was rewritten.
LONGEST_CHANGE = 120
INK, MUTED, LINE, ACCENT = (HexColor(code) for code in ("#1f2723", "#5b655f", "#dcd9d0", "#1d5c4f"))
# As on the site: text on its ground.
RATING_COLOURS: dict[str, tuple[Color, Color]] = {
    Section.Rating.GOOD: (HexColor("#14573f"), HexColor("#dcf1e6")),
    Section.Rating.ATTENTION: (HexColor("#7a4b00"), HexColor("#fdeec9")),
    Section.Rating.CRITICAL: (HexColor("#a3271c"), HexColor("#fbeae7")),
}

# reportlab brings Vera along: the same on every machine, with the quotation marks and accents that the
# fonts built into PDF readers lack.
REGULAR, BOLD = "Vera", "VeraBd"
BODY = ParagraphStyle("body", fontName=REGULAR, fontSize=9.5, leading=14, textColor=INK)
SMALL = ParagraphStyle("small", BODY, fontSize=8, leading=12, textColor=MUTED)
LABEL = ParagraphStyle("label", SMALL, leading=BODY.leading)
STRONG = ParagraphStyle("strong", BODY, fontName=BOLD)
HEADING = ParagraphStyle(
    "heading", STRONG, fontSize=12, leading=16, textColor=ACCENT, spaceBefore=8 * mm, spaceAfter=2.5 * mm
)
TITLE = ParagraphStyle("title", STRONG, fontSize=20, leading=25, spaceAfter=1 * mm)


def inspection_pdf(inspection: Inspection, history: Iterable[Entry], *, author: str) -> bytes:
    """The finished document. Reads the sections and photos from the database."""
    _register_fonts()
    buffer = BytesIO()
    document = _Document(
        buffer,
        footer=" · ".join([str(inspection), f"{_moment(timezone.now())} {timezone.localtime():%Z}", author]),
        title=str(inspection),
        author=author,
        subject=str(inspection.building),
    )
    document.build(
        [
            *_head(inspection),
            *_sections(inspection),
            *_photos(inspection),
            *_history(history),
        ]
    )
    return buffer.getvalue()


class _Document(BaseDocTemplate):
    def __init__(self, target: BytesIO, *, footer: str, **options: Any) -> None:
        super().__init__(target, pagesize=A4, lang="en-GB", **options)
        self._footer = _printable(footer)
        width, height = A4
        frame = Frame(MARGIN, MARGIN, width - 2 * MARGIN, height - 2 * MARGIN, 0, 0, 0, 0)
        self.addPageTemplates(PageTemplate(frames=[frame], onPage=self._draw_footer))

    def _draw_footer(self, canvas: Canvas, _document: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont(REGULAR, 7.5)
        canvas.setFillColor(MUTED)
        canvas.drawString(MARGIN, 12 * mm, self._footer)
        canvas.drawRightString(
            A4[0] - MARGIN, 12 * mm, _("Page %(number)s") % {"number": canvas.getPageNumber()}
        )
        canvas.restoreState()


def _head(inspection: Inspection) -> list[Flowable]:
    building = inspection.building
    facts = [
        (_("Building"), f"{building}, {building.address}"),
        (_("Owner"), building.owner),
        (_("Status"), inspection.get_status_display()),
        (_("Scheduled for"), date_format(inspection.scheduled_for)),
        (_("Inspector"), inspection.inspector),
        (_("Reviewer"), inspection.reviewer),
        (_("Certificate"), inspection.certificate_number or _("None yet")),
    ]
    flowables = [
        _text(_("Inspection report"), SMALL),
        _text(inspection, TITLE),
        Spacer(0, 4 * mm),
        _table([[_text(label, LABEL), _text(value)] for label, value in facts], widths=(34 * mm, None)),
    ]
    if inspection.summary:
        flowables += [_text(_("Summary"), HEADING), *_paragraphs(inspection.summary)]
    return flowables


def _sections(inspection: Inspection) -> list[Flowable]:
    sections = inspection.sections.all()
    flowables: list[Flowable] = [CondPageBreak(ROOM), _text(_("Sections"), HEADING)]
    for section in sections:
        colour, ground = RATING_COLOURS[section.rating]
        rating = _text(
            section.get_rating_display(),
            ParagraphStyle("rating", STRONG, fontSize=8, leading=12, textColor=colour, alignment=1),
        )
        head = _table([[_text(section, STRONG), rating]], widths=(None, 32 * mm))
        head.setStyle([("BACKGROUND", (1, 0), (1, 0), ground), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")])
        flowables += [CondPageBreak(ROOM), head, *_paragraphs(section.finding), Spacer(0, 2 * mm)]
    return flowables if sections else [*flowables, _text(_("No sections were written."), BODY)]


def _photos(inspection: Inspection) -> list[Flowable]:
    photos = inspection.photos.all()
    if not photos:
        return []
    rows = [[_text(number, LABEL), _text(photo)] for number, photo in enumerate(photos, start=1)]
    return [CondPageBreak(ROOM), _text(_("Photos"), HEADING), _table(rows, widths=(10 * mm, None))]


def _history(history: Iterable[Entry]) -> list[Flowable]:
    rows = [[_text(_moment(entry.event.occurred_at), LABEL), _happening(entry)] for entry in history]
    if not rows:
        return []
    return [CondPageBreak(ROOM), _text(_("History"), HEADING), _table(rows, widths=(34 * mm, None))]


def _happening(entry: Entry) -> list[Paragraph]:
    lines = [_text(f"{entry.label}: {entry.part}" if entry.part else entry.label)]
    if entry.event.actor_repr:
        lines.append(_text(entry.event.actor_repr, SMALL))
    if reason := entry.event.data.get("reason"):
        lines.append(_text(f"“{reason}”", SMALL))
    for change in entry.changes:
        new, old = (Truncator(label).chars(LONGEST_CHANGE) for label in (change.new_label, change.old_label))
        sides = new if change.old is None else f"{old} » {new}"
        lines.append(_text(f"{change.label}: {sides}", SMALL))
    return lines


def _table(rows: list[list[Any]], widths: tuple[float | None, ...]) -> Table:
    free = A4[0] - 2 * MARGIN - sum(width for width in widths if width)
    table = Table(rows, [width or free for width in widths], splitInRow=1)
    table.setStyle(
        [
            ("LINEABOVE", (0, 0), (-1, -1), 0.5, LINE),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 4),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
        ]
    )
    return table


def _paragraphs(text: str) -> list[Paragraph]:
    style = ParagraphStyle("prose", BODY, spaceAfter=1.5 * mm)
    return [_text(part, style) for part in text.split("\n\n") if part.strip()]


def _text(value: object, style: ParagraphStyle = BODY) -> Paragraph:
    # Paragraph reads markup; what people have typed is none.
    return Paragraph(escape(_printable(str(value))).replace("\n", "<br/>"), style)


def _moment(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "j M Y, H:i")


@cache
def _register_fonts() -> None:
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))


def _printable(text: str) -> str:
    """The text in the characters that the font has: “ř” becomes “r”, and what has no likeness “?”."""
    known = pdfmetrics.getFont(REGULAR).face.charToGlyph
    return "".join(
        char
        if char == "\n" or ord(char) in known
        else "".join(part for part in unicodedata.normalize("NFKD", char) if ord(part) in known) or "?"
        for char in text
    )
