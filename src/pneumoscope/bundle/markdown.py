"""A document as Markdown (CommonMark with tables)."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
    Strong,
    Table,
)
from pneumoscope.core.text import one_line

_ACTS = re.compile(r"[\\`*_\[\]<>|&~]")
_BEGINS = re.compile(r"^(\s*\d*)([#+=.)-])(?=[\s#=-]|$)")
"""What would make a heading, a list or a rule of a line that begins with it."""
_WORDS = {"warning": "Warning", "note": "Note"}


def markdown(document: Document) -> str:
    """The whole document; all text in it is shown letter for letter."""
    parts = [f"# {_escaped(document.title)}", *map(block_markdown, document.opening)]
    for section in document.sections:
        parts += [f"## {_escaped(section.title)}", *map(block_markdown, section.blocks)]
    return "\n\n".join(parts) + "\n"


def block_markdown(block: Block) -> str:
    """One block.

    Raises
    ------
    TypeError : for a block that Markdown has no form for, such as a picture.
    """
    match block:
        case Paragraph(line):
            return _line(line)
        case Notice(kind, line):
            return f"**{_WORDS[kind]}.** {_line(line)}"
        case Heading(text):
            return f"### {_escaped(text)}"
        case Items(items):
            return "\n".join(map(_item, items))
        case Table(head, rows, title):
            cells = [[_line(cell) for cell in row] for row in (head or ("",) * len(rows[0]), *rows)]
            return "\n\n".join([*([_escaped(title)] if title else []), _table(cells)])
        case Command(text):
            return _fenced("\n".join(map(one_line, text.splitlines())))
        case _:
            raise TypeError(f"expected a block of text, got {type(block).__name__}")


def _escaped(text: str) -> str:
    r"""The text so that Markdown shows it and does nothing with it.

    >>> _escaped("<b> | a_b")
    '\\<b\\> \\| a\\_b'
    """
    return _ACTS.sub(r"\\\g<0>", one_line(text))


def _line(line: Line) -> str:
    text = _escaped(line) if isinstance(line, str) else "".join(map(_part, line))
    return _BEGINS.sub(r"\1\\\2", text)


def _part(part: str | Code | Strong) -> str:
    match part:
        case Code(text):
            return _code(one_line(text))
        case Strong(text):
            return f"**{_escaped(text)}**"
        case _:
            return _escaped(part)


def _code(text: str) -> str:
    """Within more backticks than it has itself; a stroke would still end a cell of a table."""
    ticks, pad = "`" * (_most_ticks(text) + 1), " " if "`" in text else ""
    shown = text.replace("|", r"\|")
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def _fenced(text: str) -> str:
    fence = "`" * max(3, _most_ticks(text) + 1)
    return f"{fence}\n{text}\n{fence}"


def _most_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _item(item: Item) -> str:
    return "\n  ".join(f"- {_line(line)}" for line in (item.line, *item.within))


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *others))
