"""A document as a PDF of A4 pages: the same bytes for the same document, with text that can be selected."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from itertools import zip_longest
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
    Line,
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
from pneumoscope.report.text import one_line, shorten

_MARGIN, _TOP, _BOTTOM = 16 * mm, 20 * mm, 17 * mm
_PADDING = 6
"""Points that reportlab leaves free inside a frame."""
_LEFT, _RIGHT = _MARGIN + _PADDING, A4[0] - _MARGIN - _PADDING
_WIDTH = _RIGHT - _LEFT
_PAGE = A4[1] - _TOP - _BOTTOM - 2 * _PADDING - 1
"""Points that a page holds, but for what rounding takes."""
_HIGHEST = A4[1] - _TOP - _BOTTOM - 140
"""Points that leave room for a title above a picture and words below it."""
_LONG, _LONG_HEAD = 400, 100
"""Columns of a text beyond which its middle is left out, where it cannot go on on another page."""
_GAP = 7.0
"""Points between the columns of a table."""
_LEAST = 60.0
"""Points that a column of words keeps."""
_WHOLE = 12
"""Tables of so many rows are not cut."""
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
        story += [_title(section), *_flow(section.blocks)]
    _Template(file, document.title, head).build(story)
    return file.getvalue()


def _title(section: Section) -> Text:
    """A section's title; remembers what the outline calls it."""
    title = Text(markup(section.title, BOLD), STYLES["section"])
    title.section = section
    return title


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
        self._head = drawable(shorten(one_line(head), _LONG_HEAD))

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
        section: Section | None = getattr(flowable, "section", None)
        if section is not None:
            self.canv.bookmarkPage(section.name)
            self.canv.addOutlineEntry(drawable(section.title), section.name)

    def _endBuild(self) -> None:  # noqa: N802 - reportlab's name
        canvas = self.canv
        canvas.beginForm(_TOTAL)
        canvas.setFont(PLAIN, 7)
        canvas.setFillColor(SOFT)
        canvas.drawString(_RIGHT - 4.2 * mm, 9 * mm, f"{self.page}")
        canvas.endForm()
        canvas.setViewerPreference("DisplayDocTitle", "true")  # rather than the file's name
        super()._endBuild()


def _flow(blocks: Sequence[Block]) -> Flow:
    """The pieces of all blocks; a paragraph stays with what it leads to."""
    pieces: Flow = []
    for block, after in zip_longest(blocks, blocks[1:]):
        pieces += block_flow(block)
        if isinstance(block, Paragraph) and (isinstance(after, Command) or _whole(after)):
            pieces[-1].keepWithNext = 1
    return pieces


def _whole(block: Block | None) -> bool:
    """Whether it is a table that is not cut."""
    return isinstance(block, Table) and len(block.rows) <= _WHOLE


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
    return [Text(word + markup(block.line), STYLES[block.kind])]


def _command(block: Command) -> Flow:
    lines = "<br/>".join(markup(line, "DejaVuSansMono") for line in block.text.splitlines())
    return [Text(lines, STYLES["command"]), Spacer(1, 6)]


def _counts(block: Counts) -> Flow:
    large, small = style("large", font=BOLD, size=14, spaceAfter=0), style("small", size=7.5, textColor=SOFT)
    cells = [
        [Text(markup(_short(number, _LONG_HEAD), BOLD), large), Text(markup(_short(what)), small)]
        for what, number in block.pairs
    ]
    table = LongTable([cells], colWidths=[_WIDTH / len(cells)] * len(cells))
    table.setStyle([("INNERGRID", (0, 0), (-1, -1), 0.5, LINE), ("BOX", (0, 0), (-1, -1), 0.5, LINE)])
    return [Spacer(1, 4), table, Spacer(1, 6)]


def _table(block: Table) -> Flow:
    """Title and head are repeated where the table goes on on another page."""
    head = [_head_cell(block, i, text) for i, text in enumerate(block.head)]
    title = [Text(markup(_short(block.title)), STYLES["table title"]), *[""] * (_columns(block) - 1)]
    above = ([title] if block.title else []) + ([head] if head else [])
    rows = [[_cell(block, i, j, line) for j, line in enumerate(row)] for i, row in enumerate(block.rows)]
    kind = _WholeTable if _whole(block) else LongTable
    table = kind([*above, *rows], colWidths=_widths(block), repeatRows=len(above), hAlign="LEFT")
    table.setStyle([*_table_lines(block, len(above)), *_CELLS])
    return [table, Spacer(1, 8)]


class _WholeTable(LongTable):  # type: ignore[misc]
    """A table that goes on another page rather than being cut, unless it is higher than a page."""

    def split(self, width: float, height: float) -> list[Any]:
        """Nothing where all of it fits a page: it is then tried on the next one."""
        return super().split(width, height) if height >= _PAGE or self._height > _PAGE else []


_CELLS: list[tuple[Any, ...]] = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), _GAP),
    ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
]


def _table_lines(block: Table, above: int) -> list[tuple[Any, ...]]:
    """Lines below rows, a darker one below the head, the title over all columns."""
    lines: list[tuple[Any, ...]] = [("LINEBELOW", (0, above), (-1, -1), 0.4, LINE)]
    if block.head:
        lines.append(("LINEBELOW", (0, above - 1), (-1, above - 1), 0.8, INK))
    if block.title:
        lines.append(("SPAN", (0, 0), (-1, 0)))
    return lines


def _head_cell(block: Table, column: int, text: str) -> Text:
    return Text(markup(_short(text, _LONG_HEAD), BOLD), cell_style(bold=True, right=column in block.numbers))


def _cell(block: Table, row: int, column: int, line: Any) -> Text:
    first = column == 0
    shown = cell_style(bold=first and row not in block.muted, right=column in block.numbers, muted=row in block.muted)
    return Text(markup(_short(line), shown.fontName), shown)


def _short(line: Line, width: int = _LONG) -> Line:
    return shorten(one_line(line), width) if isinstance(line, str) else line


def _columns(block: Table) -> int:
    return len(block.head) or len(block.rows[0])


def _widths(block: Table) -> list[float]:
    """As wide as the columns need; where that is too much, words give way and numbers stay on one line."""
    needed = [_needed(block, column) for column in range(_columns(block))]
    least = [width if i in block.numbers else min(width, _LEAST) for i, width in enumerate(needed)]
    return _fitted(needed, least)


def _needed(block: Table, column: int) -> float:
    """Points for the widest cell; the head of a column of numbers may take several lines."""
    head = block.head[column] if block.head else ""
    heads = head.split() if column in block.numbers else [head]
    cells = [width_of(plain(row[column]), cell_style(bold=column == 0)) for row in block.rows]
    return max([*cells, *(width_of(text, cell_style(bold=True)) for text in heads), 12.0]) + _GAP + 1


def _fitted(needed: list[float], least: list[float]) -> list[float]:
    """Take what is too much from the columns that can give, each as much of what it has to give."""
    excess, spare = sum(needed) - _WIDTH, sum(needed) - sum(least)
    if excess <= 0:
        return needed
    if excess > spare:
        return [width * _WIDTH / sum(least) for width in least]
    return [width - excess * (width - low) / spare for width, low in zip(needed, least, strict=True)]


def _picture(block: Picture) -> Flow:
    scale = min(_WIDTH / block.width, _HIGHEST / block.height, 72)
    image = Image(io.BytesIO(block.png()), width=scale * block.width, height=scale * block.height)
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
    lines = [Text(markup(_short(card.title), BOLD), style("film name", font=BOLD, size=7.2, spaceAfter=1))]
    lines += [Text(markup(_short(line, _LONG_HEAD)), STYLES["film"]) for line in card.lines]
    shown = [_image(jpeg, card) for jpeg in (card.picture, card.heat) if jpeg is not None]
    if not shown:
        return [Text(markup(_short(card.absent)), STYLES["soft"]), *lines]
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
