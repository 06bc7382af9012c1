"""A document as a PDF of A4 pages: the same bytes for the same document, with text that can be selected."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, LongTable, SimpleDocTemplate, Spacer
from reportlab.platypus import Paragraph as Text

import pneumoscope
from pneumoscope.core.document import (
    Block,
    Command,
    Document,
    Heading,
    Item,
    Items,
    Notice,
    Paragraph,
    Section,
    Table,
    plain,
)
from pneumoscope.report.blocks import Counts, FilmCard, Films, Picture
from pneumoscope.report.pdf_text import (
    ACCENTS,
    BOLD,
    INK,
    LINE,
    PLAIN,
    SOFT,
    STYLES,
    cell_style,
    drawable,
    markup,
    register_fonts,
    style,
    width_of,
)

_MARGIN, _TOP, _BOTTOM = 16 * mm, 20 * mm, 17 * mm
_PADDING = 6
"""Points that reportlab leaves free inside a frame."""
_LEFT, _RIGHT = _MARGIN + _PADDING, A4[0] - _MARGIN - _PADDING
_WIDTH = _RIGHT - _LEFT
_GAP = 7.0
"""Points between the columns of a table."""
_WHOLE = 12
"""Tables of so many rows are never cut."""
_WORDS = {"warning": "Warning", "note": "Note"}
_FOOT = "Research use only; not a medical device."
_TOTAL = "total"
_FILM_SIDE = 38 * mm

Flow = list[Flowable]


def document_pdf(document: Document, *, head: str) -> bytes:
    """The document with ``head`` on top of each page and "page of pages" below it."""
    register_fonts()
    file = io.BytesIO()
    story: Flow = [Text(markup(document.title, BOLD), STYLES["title"]), *_flow(document.opening)]
    for section in document.sections:
        story += [_Title(section), *_flow(section.blocks)]
    _Template(file, document.title, head).build(story)
    return file.getvalue()


class _Title(Text):  # type: ignore[misc]
    """A section's title; remembers what the outline calls it."""

    def __init__(self, section: Section) -> None:
        super().__init__(markup(section.title, BOLD), STYLES["section"])
        self.section = section


class _Template(SimpleDocTemplate):  # type: ignore[misc]
    """Pages with a head, a number and an outline; no dates, so that the bytes stay the same."""

    def __init__(self, file: io.BytesIO, title: str, head: str) -> None:
        super().__init__(
            file,
            pagesize=A4,
            leftMargin=_MARGIN,
            rightMargin=_MARGIN,
            topMargin=_TOP,
            bottomMargin=_BOTTOM,
            title=drawable(title),
            author=f"pneumoscope {pneumoscope.__version__}",
            lang="en",
            invariant=1,
        )
        self._head = drawable(head)

    def build(self, story: Flow) -> None:
        """Lay out the story."""
        super().build(story, onFirstPage=self._frame, onLaterPages=self._frame)

    def _frame(self, canvas: Any, _: Any) -> None:
        """Head, foot and page number; how many pages there are is drawn into a form that is filled in at the end."""
        canvas.setFont(PLAIN, 7)
        canvas.setFillColor(SOFT)
        canvas.setStrokeColor(LINE)
        canvas.drawString(_LEFT, A4[1] - 12 * mm, self._head)
        canvas.line(_LEFT, A4[1] - 14 * mm, _RIGHT, A4[1] - 14 * mm)
        canvas.drawString(_LEFT, 9 * mm, _FOOT)
        canvas.drawRightString(_RIGHT - 5 * mm, 9 * mm, f"page {canvas.getPageNumber()} of")
        canvas.doForm(_TOTAL)

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 - reportlab's name
        """Put section titles into the outline."""
        if isinstance(flowable, _Title):
            self.canv.bookmarkPage(flowable.section.name)
            self.canv.addOutlineEntry(flowable.section.title, flowable.section.name)

    def _endBuild(self) -> None:  # noqa: N802 - reportlab's name
        canvas = self.canv
        canvas.beginForm(_TOTAL)
        canvas.setFont(PLAIN, 7)
        canvas.setFillColor(SOFT)
        canvas.drawString(_RIGHT - 4.2 * mm, 9 * mm, f"{self.page}")
        canvas.endForm()
        super()._endBuild()


def _flow(blocks: Sequence[Block]) -> Flow:
    """The pieces of all blocks; a paragraph stays with the table that it leads to."""
    pieces: Flow = []
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        pieces += block_flow(block)
        if isinstance(block, Paragraph) and isinstance(after, Table | Command | Films):
            pieces[-1].keepWithNext = 1
    return pieces


def block_flow(block: Block) -> Flow:
    """What reportlab is to lay out for one block.

    Raises
    ------
    TypeError : for a block that a print has no form for.
    """
    if type(block) not in _FORMS:
        raise TypeError(f"expected a block that can be printed, got {type(block).__name__}")
    return _FORMS[type(block)](block)


def _paragraph(block: Paragraph) -> Flow:
    return [Text(markup(block.line), STYLES["soft" if block.soft else "body"])]


def _heading(block: Heading) -> Flow:
    return [Text(markup(block.text, BOLD), STYLES["heading"])]


def _items(block: Items) -> Flow:
    return [piece for item in block.items for piece in _item(item)]


def _item(item: Item) -> Flow:
    within = [Text(markup(line), STYLES["within"], bulletText="•") for line in item.within]
    return [Text(markup(item.line), STYLES["item"], bulletText="•"), *within]


def _notice(block: Notice) -> Flow:
    colour = ACCENTS[block.kind]
    word = f'<font face="{BOLD}" color="#{colour.hexval()[2:]}">{_WORDS[block.kind]}.</font> '
    box = LongTable([[Text(word + markup(block.line), style("notice", spaceAfter=0))]], colWidths=[_WIDTH])
    box.setStyle([("LINEBEFORE", (0, 0), (0, -1), 3, colour), ("BOX", (0, 0), (-1, -1), 0.5, LINE)])
    return [Spacer(1, 3), box, Spacer(1, 3)]


def _command(block: Command) -> Flow:
    lines = "<br/>".join(markup(line, "DejaVuSansMono") for line in block.text.splitlines())
    return [Text(lines, STYLES["command"]), Spacer(1, 6)]


def _counts(block: Counts) -> Flow:
    large, small = style("large", font=BOLD, size=14, spaceAfter=0), style("small", size=7.5, textColor=SOFT)
    cells = [[Text(markup(number, BOLD), large), Text(markup(what), small)] for what, number in block.pairs]
    table = LongTable([cells], colWidths=[_WIDTH / len(cells)] * len(cells))
    table.setStyle([("INNERGRID", (0, 0), (-1, -1), 0.5, LINE), ("BOX", (0, 0), (-1, -1), 0.5, LINE)])
    return [Spacer(1, 4), table, Spacer(1, 6)]


def _table(block: Table) -> Flow:
    cells = [[plain(line) for line in row] for row in block.rows]
    rows = [[_cell(block, i, j, line) for j, line in enumerate(row)] for i, row in enumerate(block.rows)]
    head = [
        Text(markup(text, BOLD), cell_style(bold=True, right=i in block.numbers)) for i, text in enumerate(block.head)
    ]
    table = LongTable(
        [head, *rows] if head else rows,
        colWidths=_widths(block, cells),
        repeatRows=1 if head else 0,
        hAlign="LEFT",
    )
    table.setStyle(
        [
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
            *([("LINEBELOW", (0, 0), (-1, 0), 0.8, INK)] if head else []),
            *([("NOSPLIT", (0, 0), (-1, -1))] if len(rows) <= _WHOLE else []),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), _GAP),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ]
    )
    title = [Text(markup(block.title), STYLES["table title"])] if block.title else []
    return [*title, table, Spacer(1, 8)]


def _cell(block: Table, row: int, column: int, line: Any) -> Text:
    first = column == 0
    shown = cell_style(bold=first and row not in block.muted, right=column in block.numbers, muted=row in block.muted)
    return Text(markup(line, shown.fontName), shown)


def _widths(block: Table, cells: Sequence[Sequence[str]]) -> list[float]:
    """As wide as the columns need; where that is too much, words give way and numbers stay on one line."""
    number = len(block.head) or len(cells[0])
    bold, regular = cell_style(bold=True), cell_style()
    needed, least = [], []
    for column in range(number):
        shown = bold if column == 0 else regular
        texts = [width_of(row[column], shown) for row in cells]
        head = block.head[column] if block.head else ""
        words = [width_of(word, bold) for word in head.split()]
        numbers = column in block.numbers
        needed.append(max([*texts, *(words if numbers else [width_of(head, bold)]), 12]) + _GAP + 1)
        least.append(needed[-1] if numbers else min(needed[-1], 60))
    return _fitted(needed, least)


def _fitted(needed: list[float], least: list[float]) -> list[float]:
    """Take what is too much from the columns that can give, each as much of what it has to give."""
    excess, spare = sum(needed) - _WIDTH, sum(needed) - sum(least)
    if excess <= 0:
        return needed
    if excess > spare:
        return [width * _WIDTH / sum(least) for width in least]
    return [width - excess * (width - low) / spare for width, low in zip(needed, least, strict=True)]


def _picture(block: Picture) -> Flow:
    width = min(_WIDTH, block.width * 72)
    image = Image(io.BytesIO(block.png()), width=width, height=width * block.height / block.width)
    image.keepWithNext = 1
    return [image, Text(markup(block.caption), STYLES["caption"])]


def _films(block: Films) -> Flow:
    """Two cards in a row; a row is never cut."""
    cells = [_film(card) for card in block.cards]
    cells += [""] * (len(cells) % 2)
    table = LongTable([cells[i : i + 2] for i in range(0, len(cells), 2)], colWidths=[_WIDTH / 2] * 2)
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 8),
        ]
    )
    return [table]


def _film(card: FilmCard) -> Any:
    lines = [Text(markup(card.title, BOLD), style("film name", font=BOLD, size=7.2, spaceAfter=1))]
    lines += [Text(markup(line), STYLES["film"]) for line in card.lines]
    shown = [_image(jpeg, card) for jpeg in (card.picture, card.heat) if jpeg is not None]
    if not shown:
        return [Text(markup(card.absent), STYLES["soft"]), *lines]
    pair = LongTable([shown], colWidths=[_FILM_SIDE + 2 * mm] * len(shown), hAlign="LEFT")
    pair.setStyle([("LEFTPADDING", (0, 0), (-1, -1), 0), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    return [pair, *lines]


def _image(jpeg: bytes, card: FilmCard) -> Image:
    width, height = card.size
    scale = _FILM_SIDE / max(width, height)
    return Image(io.BytesIO(jpeg), width=scale * width, height=scale * height, hAlign="LEFT")


_FORMS: dict[type[Block], Callable[[Any], Flow]] = {
    Paragraph: _paragraph,
    Heading: _heading,
    Items: _items,
    Table: _table,
    Notice: _notice,
    Command: _command,
    Counts: _counts,
    Picture: _picture,
    Films: _films,
}
