"""Blocks that only reports have: counts, drawings and films."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pneumoscope.core.document import Block, Line


@dataclass(frozen=True)
class Counts(Block):
    """A few numbers in large type: what is counted, and how many."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Picture(Block):
    """A drawing of ``width`` x ``height`` inches, made when asked for: as lines for a page, as pixels for a print."""

    svg: Callable[[], bytes]
    png: Callable[[], bytes]
    width: float
    height: float
    alt: str
    caption: Line


@dataclass(frozen=True)
class FilmCard:
    """A film as a JPEG of ``size`` (width, height), the same with its heat map, and what is said of it.

    ``alt`` and ``heat_alt`` say in words what the two show. Without a picture, ``absent`` says why.
    """

    title: str
    lines: tuple[Line, ...]
    picture: bytes | None = None
    heat: bytes | None = None
    size: tuple[int, int] = (0, 0)
    alt: str = ""
    heat_alt: str = ""
    absent: str = "cannot be read any more"


@dataclass(frozen=True)
class Films(Block):
    """Films side by side."""

    cards: tuple[FilmCard, ...]
