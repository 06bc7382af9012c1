"""Where on a film the evidence for a finding lies, as few boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import Radiograph, Region
from pneumoscope.imaging.preprocess import Preprocessing, box_over_film

LEVEL = 0.5
"""How far a region's cells are at least from the mean cell's evidence to the strongest cell's."""
EVEN = 0.1
"""Of the strongest cell's evidence: where the mean is nearer to it than that, no region stands out."""
LEAST = 0.05
"""A region with a smaller share of the film's evidence is left to the rest."""
MOST = 3


class _Box(NamedTuple):
    """Cells from ``top`` to before ``bottom`` and from ``left`` to before ``right``."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def cells(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def meets(self, other: _Box) -> bool:
        return max(self.top, other.top) < min(self.bottom, other.bottom) and (
            max(self.left, other.left) < min(self.right, other.right)
        )

    def joined(self, other: _Box) -> _Box:
        return _Box(*map(min, self[:2], other[:2]), *map(max, self[2:], other[2:]))


def regions_of(evidence: NDArray[np.floating], film: Radiograph, spec: Preprocessing) -> tuple[Region, ...]:
    """The regions of a film that speak for a finding, at most three, the largest share of the evidence first.

    Parameters
    ----------
    evidence : (h, w) log-odds of the cells of the class-activation map, over what the network was shown.

    Returns
    -------
    Boxes of whole cells, each around a group of cells that touch, if only at a corner, and that are at least half-way
    from the mean evidence of the film's cells to that of the strongest; boxes that overlap are one. None if no cell
    speaks for the finding, if all do so alike, or if no box has a twentieth of the evidence.

    Notes
    -----
    A cell's evidence is what its log-odds have above 0, where yes and no are as likely. A region's share is what the
    cells in its box have of the evidence in all cells, so that the shares of all regions and of the rest add up to 1.
    Cells that show padding alone are in no box, and counted in the rest. Nothing is interpolated: a box is as coarse
    as the map, and its share is exact. Cells with log-odds below 0 speak against the finding and are no part of this.
    """
    speaking = np.maximum(evidence, 0.0, dtype=np.float64)
    height, width = evidence.shape
    shown = _shown((height, width), film, spec)
    mean, strongest = speaking[shown].mean(), speaking[shown].max()
    if strongest - mean <= EVEN * strongest:
        return ()
    chosen = shown & (speaking >= mean + LEVEL * (strongest - mean))
    boxes = _apart(_around(group) for group in _groups(chosen))
    shares = {box: float(speaking[box.cells].sum() / speaking.sum()) for box in boxes}
    kept = sorted((box for box in boxes if shares[box] >= LEAST), key=lambda box: (-shares[box], box))
    placed = ((box_over_film(box.cells, (height, width), film, spec), shares[box]) for box in kept[:MOST])
    return tuple(Region(*edges, share) for edges, share in placed if edges)


def _shown(grid: tuple[int, int], film: Radiograph, spec: Preprocessing) -> NDArray[np.bool_]:
    """(h, w) which cells show any of the film: all, unless it is padded."""
    height, width = grid
    if spec.aspect != "pad":
        return np.ones(grid, np.bool_)
    every = slice(0, height), slice(0, width)
    rows = [box_over_film((slice(i, i + 1), every[1]), grid, film, spec) is not None for i in range(height)]
    columns = [box_over_film((every[0], slice(i, i + 1)), grid, film, spec) is not None for i in range(width)]
    return np.outer(rows, columns)


def _groups(chosen: NDArray[np.bool_]) -> Iterator[list[tuple[int, int]]]:
    """The chosen cells in groups that touch, each cell with its eight neighbours."""
    left = {(int(row), int(column)) for row, column in np.argwhere(chosen)}
    while left:
        group = [left.pop()]
        for row, column in group:
            near = {(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)} & left
            left -= near
            group.extend(near)
        yield group


def _around(group: list[tuple[int, int]]) -> _Box:
    rows, columns = zip(*group, strict=True)
    return _Box(min(rows), min(columns), max(rows) + 1, max(columns) + 1)


def _apart(boxes: Iterable[_Box]) -> list[_Box]:
    """Boxes that do not overlap: those that do are put into one, until none do. Their order does not matter."""
    found: list[_Box] = []
    for box in boxes:
        grown = box
        while met := [other for other in found if other.meets(grown)]:
            found = [other for other in found if other not in met]
            grown = reduce(_Box.joined, met, grown)
        found.append(grown)
    return found
