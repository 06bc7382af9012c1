"""Letters and lines of a PDF: the fonts that matplotlib ships, so that a name of any script can be shown."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path

import matplotlib as mpl
from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from pneumoscope.core.document import Code, Line, Strong
from pneumoscope.report.text import one_line

PLAIN, BOLD, MONO = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono"
INK, SOFT, LINE = HexColor("#17212b"), HexColor("#56636f"), HexColor("#d5dde5")
ACCENTS = {"warning": HexColor("#8a5a00"), "note": HexColor("#2a5d8f")}
SIZE = 8.5


@cache
def register_fonts() -> None:
    """Make the fonts known, once."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for name in (PLAIN, BOLD, MONO):
        pdfmetrics.registerFont(TTFont(name, folder / f"{name}.ttf"))


def style(name: str, *, font: str = PLAIN, size: float = SIZE, **more: object) -> ParagraphStyle:
    """A style of the house: what is not said is as in running text."""
    options = {"leading": 1.38 * size, "textColor": INK, "spaceAfter": 4} | more
    return ParagraphStyle(name, fontName=font, fontSize=size, **options)


def _boxed(name: str) -> ParagraphStyle:
    """In a frame of the accent's colour."""
    border = {"borderColor": ACCENTS[name], "borderWidth": 0.6, "borderPadding": 4}
    return style(name, leftIndent=5, rightIndent=5, spaceBefore=10, spaceAfter=14, **border)


STYLES = {
    "body": style("body"),
    "warning": _boxed("warning"),
    "note": _boxed("note"),
    "soft": style("soft", size=8, textColor=SOFT),
    "title": style("title", font=BOLD, size=17, spaceAfter=6),
    "section": style("section", font=BOLD, size=12, spaceBefore=12, spaceAfter=4, keepWithNext=1),
    "heading": style("heading", font=BOLD, size=9.5, spaceBefore=6, spaceAfter=3, keepWithNext=1),
    "item": style("item", leftIndent=12, bulletIndent=2, spaceAfter=2.5),
    "within": style("within", leftIndent=24, bulletIndent=14, spaceAfter=2),
    "caption": style("caption", size=8, spaceBefore=2, spaceAfter=8),
    "table title": style("table title", size=8, textColor=SOFT, spaceAfter=0),
    "command": style("command", font=MONO, size=7.5, backColor=HexColor("#f2f5f8"), borderPadding=4, spaceBefore=4),
    "film": style("film", size=7.2, spaceAfter=1),
}


def cell_style(*, bold: bool = False, right: bool = False, muted: bool = False) -> ParagraphStyle:
    """Of a cell of a table."""
    colour = SOFT if muted else INK
    return style("cell", font=BOLD if bold else PLAIN, size=7.6, spaceAfter=0, alignment=2 * right, textColor=colour)


def drawable(text: str, font: str = PLAIN) -> str:
    r"""The text in letters that the font has: any other is written as its escape, so that no name vanishes.

    >>> drawable("Грудь 胸部")
    'Грудь \\u80f8\\u90e8'
    """
    register_fonts()
    glyphs = pdfmetrics.getFont(font).face.charToGlyph
    return "".join(c if ord(c) in glyphs else c.encode("unicode_escape").decode() for c in one_line(text))


def markup(line: Line, font: str = PLAIN) -> str:
    """A line in the markup of reportlab's paragraphs, which is XML: all text in it is escaped."""
    parts = (line,) if isinstance(line, str) else line
    return "".join(_part(part, font) for part in parts)


def _part(part: str | Code | Strong, font: str) -> str:
    match part:
        case Code(text):
            return f'<font face="{MONO}">{_escaped(text, MONO)}</font>'
        case Strong(text):
            return f'<font face="{BOLD}">{_escaped(text, BOLD)}</font>'
        case _:
            return _escaped(part, font)


def _escaped(text: str, font: str) -> str:
    return html.escape(drawable(text, font), quote=False)


def width_of(text: str, shown: ParagraphStyle) -> float:
    """Points that a text takes on one line."""
    return float(pdfmetrics.stringWidth(drawable(text, shown.fontName), shown.fontName, shown.fontSize))
