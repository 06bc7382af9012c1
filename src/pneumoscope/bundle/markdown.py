"""A document as Markdown."""

from __future__ import annotations

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


def markdown(document: Document) -> str:
    """The whole document; text is left as it is, so only what is known to be plain should go in."""
    parts = [f"# {document.title}", *map(block_markdown, document.opening)]
    for section in document.sections:
        parts += [f"## {section.title}", *map(block_markdown, section.blocks)]
    return "\n\n".join(parts) + "\n"


def block_markdown(block: Block) -> str:
    """One block.

    Raises
    ------
    TypeError : for a block that Markdown has no form for, such as a picture.
    """
    match block:
        case Paragraph(line) | Notice(_, line):
            return _line(line)
        case Heading(text):
            return f"### {text}"
        case Items(items):
            return "\n".join(map(_item, items))
        case Table(head, rows):
            cells = [[_line(cell) for cell in row] for row in rows]
            return _table(head or ("",) * len(rows[0]), cells)
        case Command(text):
            return f"```\n{text}\n```"
        case _:
            raise TypeError(f"expected a block of text, got {type(block).__name__}")


def _line(line: Line) -> str:
    return line if isinstance(line, str) else "".join(map(_part, line))


def _part(part: str | Code | Strong) -> str:
    match part:
        case Code(text):
            return f"`{text}`"
        case Strong(text):
            return f"**{text}**"
        case _:
            return part


def _item(item: Item) -> str:
    return "\n  ".join(f"- {_line(line)}" for line in (item.line, *item.within))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))
