"""A document as one self-contained page that reads without a script and prints well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pneumoscope.core.document import (
    Block,
    Code,
    Command,
    Document,
    Heading,
    Item,
    Items,
    Line,
    Notice,
    Paragraph,
    Section,
    Strong,
    Table,
)
from pneumoscope.report.blocks import Counts, FilmCard, Films, Picture
from pneumoscope.report.page import data_uri, page_of, resource
from pneumoscope.report.text import escape

_WORDS = {"warning": "Warning", "note": "Note"}


def document_html(document: Document) -> str:
    """The page: what the document opens with, links to its sections, and these."""
    links = "".join(f'<a href="#{one.name}">{escape(one.title)}</a> ' for one in document.sections)
    body = (
        f"<header>\n<h1>{escape(document.title)}</h1>\n{_blocks(document.opening)}</header>\n"
        f'<nav class="contents" aria-label="Sections">{links}</nav>\n'
        f"<main>\n{''.join(map(_section, document.sections))}</main>\n"
    )
    return page_of(document.title, body, style=resource("document.css") + resource("paper.css"))


def _section(section: Section) -> str:
    title = f'<h2 id="{section.name}-title">{escape(section.title)}</h2>'
    about = f'id="{section.name}" aria-labelledby="{section.name}-title"'
    return f"<section {about}>\n{title}\n{_blocks(section.blocks)}</section>\n"


def _blocks(blocks: Iterable[Block]) -> str:
    return "".join(map(block_html, blocks))


def block_html(block: Block) -> str:
    """One block.

    Raises
    ------
    TypeError : for a block that a page has no form for.
    """
    if type(block) not in _FORMS:
        raise TypeError(f"expected a block that a page can show, got {type(block).__name__}")
    return _FORMS[type(block)](block)


def line_html(line: Line) -> str:
    """A line with its marks."""
    return escape(line) if isinstance(line, str) else "".join(map(_part, line))


def _part(part: str | Code | Strong) -> str:
    match part:
        case Code(text):
            return f"<code>{escape(text)}</code>"
        case Strong(text):
            return f"<strong>{escape(text)}</strong>"
        case _:
            return escape(part)


def _paragraph(block: Paragraph) -> str:
    return _element("p", line_html(block.line), "soft" if block.soft else "")


def _heading(block: Heading) -> str:
    return _element("h3", escape(block.text))


def _items(block: Items) -> str:
    return _element("ul", "".join(map(_item, block.items)))


def _item(item: Item) -> str:
    within = "".join(_element("li", line_html(line)) for line in item.within)
    return _element("li", line_html(item.line) + (_element("ul", within) if within else ""))


def _notice(block: Notice) -> str:
    return _element("p", f"<strong>{_WORDS[block.kind]}.</strong> {line_html(block.line)}", f"notice {block.kind}")


def _command(block: Command) -> str:
    return _element("pre", "\n".join(escape(line) for line in block.text.splitlines()), "command")


def _counts(block: Counts) -> str:
    boxes = "".join(f"<div><dt>{escape(what)}</dt><dd>{escape(number)}</dd></div>" for what, number in block.pairs)
    return _element("dl", boxes, "counts")


def _table(table: Table) -> str:
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    cells = "".join(_cell("th", escape(text), i in table.numbers, "col") for i, text in enumerate(table.head))
    head = f"<thead><tr>{cells}</tr></thead>\n" if cells else ""
    rows = "".join(_row(table, i, row) for i, row in enumerate(table.rows))
    about = escape(table.title or ", ".join(table.head) or "Table")
    frame = f'<div class="scroll" role="group" aria-label="{about}" tabindex="0">'  # to be scrolled by keyboard too
    return f"{frame}<table>{caption}{head}<tbody>\n{rows}</tbody></table></div>\n"


def _row(table: Table, number: int, row: tuple[Line, ...]) -> str:
    first, *others = row
    cells = _cell("th", line_html(first), 0 in table.numbers, "row")
    cells += "".join(_cell("td", line_html(line), i in table.numbers) for i, line in enumerate(others, 1))
    muted = ' class="muted"' if number in table.muted else ""
    return f"<tr{muted}>{cells}</tr>\n"


def _cell(tag: str, html: str, number: bool, scope: str = "") -> str:
    attributes = (f' scope="{scope}"' if scope else "") + (' class="number"' if number else "")
    return f"<{tag}{attributes}>{html}</{tag}>"


def _picture(picture: Picture) -> str:
    source = data_uri("image/svg+xml", picture.svg())
    image = f'<img src="{source}" alt="{escape(picture.alt)}">'
    return f'<figure class="plot"><div>{image}</div>\n<figcaption>{line_html(picture.caption)}</figcaption></figure>\n'


def _films(block: Films) -> str:
    return _element("ul", "".join(map(_film, block.cards)), "films cases")


def _film(card: FilmCard) -> str:
    pictures = _image(card.picture, card.alt, card) + _image(card.heat, card.heat_alt, card)
    shown = pictures or f'<div class="absent">{escape(card.absent)}</div>'
    lines = "".join(f"<p>{line_html(line)}</p>" for line in card.lines)
    caption = f'<figcaption><bdi title="{escape(card.title)}">{escape(card.title)}</bdi>{lines}</figcaption>'
    return f'<li><figure><div class="pair">{shown}</div>{caption}</figure></li>\n'


def _image(jpeg: bytes | None, alt: str, card: FilmCard) -> str:
    if jpeg is None:
        return ""
    width, height = card.size
    return f'<img src="{data_uri("image/jpeg", jpeg)}" alt="{escape(alt)}" width="{width}" height="{height}">'


def _element(tag: str, html: str, kind: str = "") -> str:
    return f'<{tag} class="{kind}">{html}</{tag}>\n' if kind else f"<{tag}>{html}</{tag}>\n"


_FORMS: dict[type[Block], Callable[[Any], str]] = {
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
