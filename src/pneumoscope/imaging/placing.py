"""How a film lies on the picture that the network is shown, and how a map of that picture lies on the film."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Size: TypeAlias = tuple[int, int]
"""(height, width)."""

Extent: TypeAlias = tuple[float, float]
"""(height, width) of a film, which may end within a pixel."""

Aspect: TypeAlias = Literal["squash", "pad", "crop"]

_FINER = 4
"""Cells that a cell of the network's map becomes, each way, where the map has to be shifted and scaled."""


class Placing(NamedTuple):
    """A part of the film, and the part of the picture where it is shown.

    Attributes
    ----------
    box : (left, top, right, bottom) of the film, in pixels; it may cut through pixels.
    rows, columns : of the picture. The rest of it is padding.
    """

    box: tuple[float, float, float, float]
    rows: slice
    columns: slice


def place(film: Extent, picture: Size, aspect: Aspect) -> Placing:
    """Place a film of one size on a picture of another.

    "squash" shows all of the film on all of the picture, "pad" all of the film in the middle and as large as fits, and
    "crop" as much of the film's middle as has the picture's shape. Pixel for pixel this is Pillow's ``ImageOps.pad``
    and ``ImageOps.fit``.
    """
    whole = (0.0, 0.0, float(film[1]), float(film[0]))
    if aspect == "pad":
        return Placing(
            whole, *(_middle(shown, side) for shown, side in zip(_fitting(film, picture), picture, strict=True))
        )
    box = _filling(film, picture) if aspect == "crop" else whole
    return Placing(box, slice(0, picture[0]), slice(0, picture[1]))


def _fitting(film: Extent, picture: Size) -> Size:
    """The film's size when it is as large as fits; a side is never less than a pixel."""
    if film[1] / film[0] > picture[1] / picture[0]:
        return max(1, round(film[0] / film[1] * picture[1])), picture[1]
    return picture[0], max(1, round(film[1] / film[0] * picture[0]))


def _middle(shown: int, side: int) -> slice:
    start = round((side - shown) / 2)
    return slice(start, start + shown)


def _filling(film: Extent, picture: Size) -> tuple[float, float, float, float]:
    """The box in the film's middle that has the picture's shape."""
    ratio = picture[1] / picture[0]
    height, width = min(film[0], film[1] / ratio), min(film[1], film[0] * ratio)
    left, top = (film[1] - width) / 2, (film[0] - height) / 2
    return left, top, left + width, top + height


def over_film(grid: NDArray[np.float32], film: Extent, picture: Size, aspect: Aspect) -> NDArray[np.float32]:
    """Lay a map of the picture, (h, w), over the whole film.

    Returns
    -------
    (h, w), the map itself, where all of the film fills the picture; else (4 h, 4 w), and 0 where the film is not shown.
    A cell's value holds in its middle half, so that none is lost between two points; from there it goes over to the
    value of the next cell that shows some of the film.
    """
    placing = place(film, picture, aspect)
    if placing == place(film, picture, "squash"):
        return grid
    (left, top, right, bottom), rows, columns = placing
    down = _weights(grid.shape[0], (top / film[0], bottom / film[0]), rows, picture[0])
    across = _weights(grid.shape[1], (left / film[1], right / film[1]), columns, picture[1])
    return (down @ grid @ across.T).astype(np.float32)


def _weights(cells: int, seen: tuple[float, float], shown: slice, side: int) -> NDArray[np.float64]:
    """What each of a side's cells adds to points of the film: (points, cells), rows that sum up to 1, or 0 if unseen.

    The film from ``seen[0]`` to ``seen[1]``, in shares of its side, is ``shown`` of the picture's ``side`` pixels.
    """
    points = (np.arange(_FINER * cells) + 0.5) / (_FINER * cells)
    inside = (points - seen[0]) / (seen[1] - seen[0])
    at = (shown.start + inside * (shown.stop - shown.start)) * cells / side - 0.5
    at = np.clip(at, shown.start * cells // side, (shown.stop * cells - 1) // side)  # cells beyond are padding only
    weights: NDArray[np.float64] = np.clip(1.5 - 2.0 * np.abs(at[:, np.newaxis] - np.arange(cells)), 0.0, 1.0)
    weights[(inside < 0) | (inside > 1)] = 0.0
    return weights


def box_on_film(
    cells: tuple[slice, slice], grid: Size, film: Extent, picture: Size, aspect: Aspect
) -> tuple[float, float, float, float] | None:
    """Where cells of a map of the picture, some rows and columns of a ``grid``, lie on the film.

    Returns
    -------
    (top, left, bottom, right) in pixels of the film, cut off where the cells reach into padding; None if they show
    padding alone.
    """
    (left, top, right, bottom), rows, columns = place(film, picture, aspect)
    down = _on_side(cells[0], grid[0], (top, bottom), rows, picture[0])
    across = _on_side(cells[1], grid[1], (left, right), columns, picture[1])
    return (down[0], across[0], down[1], across[1]) if down and across else None


def _on_side(cells: slice, of: int, seen: tuple[float, float], shown: slice, side: int) -> tuple[float, float] | None:
    """From where to where some of a side's cells lie on a film that is seen from ``seen[0]`` to ``seen[1]``."""
    start, stop = max(cells.start * side / of, shown.start), min(cells.stop * side / of, shown.stop)
    if start >= stop:
        return None
    scale = (seen[1] - seen[0]) / (shown.stop - shown.start)
    return seen[0] + (start - shown.start) * scale, seen[0] + (stop - shown.start) * scale
