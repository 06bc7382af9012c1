"""A text for people before it is HTML, Markdown or a PDF: what it says is written once, however it is shown.

Everything here is plain text: whoever shows it escapes it for the place that it goes to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Code:
    """A digest, a command or a name within a line, shown letter for letter."""

    text: str


@dataclass(frozen=True)
class Strong:
    """The words of a line that carry it."""

    text: str


Line = str | tuple[str | Code | Strong, ...]


class Block:
    """A piece of a document that stands on its own."""


@dataclass(frozen=True)
class Paragraph(Block):
    """Running text; ``soft`` for what is said in passing."""

    line: Line
    soft: bool = False


@dataclass(frozen=True)
class Heading(Block):
    """The title of the blocks after it, below that of their section."""

    text: str


@dataclass(frozen=True)
class Item:
    """A line of a list, and the lines that belong under it."""

    line: Line
    within: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Items(Block):
    """A list."""

    items: tuple[Item, ...]

    @classmethod
    def of(cls, *lines: Line) -> Items:
        """Lines without any under them."""
        return cls(tuple(Item(line) for line in lines))


@dataclass(frozen=True)
class Table(Block):
    """Rows of cells under a head, or without one; the first cell of a row names it.

    Attributes
    ----------
    numbers : the columns that hold numbers.
    muted : the rows that are not to be leaned on.

    Raises
    ------
    ValueError : if a row is longer or shorter than another, or than the head; if there is neither head nor row.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]
    title: str = ""
    numbers: frozenset[int] = frozenset()
    muted: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows} | ({len(self.head)} if self.head else set())
        if not widths:
            raise ValueError(f"{self.title or 'table'}: expected a head or rows, got neither")
        if len(widths) > 1:
            raise ValueError(f"{self.title or 'table'}: expected rows of one length, got {sorted(widths)}")


@dataclass(frozen=True)
class Notice(Block):
    """What nobody may overlook (``warning``), or should know (``note``)."""

    kind: Literal["warning", "note"]
    line: Line


@dataclass(frozen=True)
class Command(Block):
    """What to type, line by line."""

    text: str


@dataclass(frozen=True)
class Section:
    """Blocks under a title. ``name`` is what links call it: letters and hyphens."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A titled text: what it opens with, then its sections."""

    title: str
    opening: tuple[Block, ...]
    sections: tuple[Section, ...]


def plain(line: Line) -> str:
    """The line without marks.

    >>> plain(("sha256 ", Code("4f12")))
    'sha256 4f12'
    """
    return line if isinstance(line, str) else "".join(part if isinstance(part, str) else part.text for part in line)
