"""Marks that are not anatomy: side letters, dates, exposure figures, arrows, burnt in or of lead.

A network can learn them in place of the disease where they go with the class; an audit wants to know who carries which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Grid = NDArray[np.float32]
Box = tuple[slice, slice]

# Chosen on 360 films labelled by eye, none of them in tests/reference/markers_by_eye.csv.
_SQUARE = 0.04  # of the film's shorter side: 9 pixels of 224
_RISE, _STEP = 0.22, 0.28  # grey
_ISOLATION = 2.0  # greatest step against the greatest rise beside the mark
_TEXTURE = 0.2  # mean step against the mark's own rise
_LEAST, _LEAST_CUT = 3, 5  # pixels; of a mark that the film's edge cuts
_HEIGHT, _WIDTH, _FROM_EDGE = 0.135, 0.24, 0.16  # of the film's height, of its width, of either


@dataclass(frozen=True)
class Marker:
    """The rectangle around a mark (a letter or a word), in shares of the film's height and width from its top left."""

    top: float
    left: float
    height: float
    width: float

    @property
    def row(self) -> float:
        """Middle of the mark: 0 at the film's top, 1 at its bottom."""
        return self.top + self.height / 2

    @property
    def column(self) -> float:
        """Middle of the mark: 0 at the film's left, 1 at its right (of the picture, not of the patient)."""
        return self.left + self.width / 2


def find_markers(film: Grid) -> tuple[Marker, ...]:
    """Marks on a film (H, W) in [0, 1], 0 = air, of about 224 pixels a side; from the top down.

    A mark is a small group of bright strokes near the film's edge: what a white top-hat leaves (the film less its
    opening by a square that no stroke can hold), with a step from one pixel to the next that is at least twice
    whatever is left just around it. Bone is as bright, but rises slowly and does not end there.

    On 180 films labelled by eye, 93% of the rectangles are on a mark (most others on clips, plugs and cables that lie
    free near the edge) and 89% of the films with a mark get one. Missed are dark letters, faint and tiny ones, those
    that touch something bright, blackened boxes, and all on films too small for the square.

    >>> film = np.full((224, 224), 0.2, np.float32)
    >>> film[20:32, 10:12] = film[20:32, 16:18] = film[25:27, 10:18] = 0.9  # an H
    >>> [(round(224 * m.top), round(224 * m.left)) for m in find_markers(film)]
    [(20, 10)]
    """
    side = max(3, round(_SQUARE * min(film.shape)))
    if min(film.shape) < side:
        return ()
    rise = film - _opened(film, side)
    found = ((box, _marker(box, film.shape)) for box in _groups(rise))
    return tuple(marker for box, marker in found if _plausible(marker) and _stands_out(film, rise, box))


def _groups(rise: Grid) -> Iterator[Box]:
    """Groups of strokes; letters less than three pixels apart are joined to a word."""
    groups, _ = ndimage.label(ndimage.maximum_filter(rise > _RISE, size=3))
    for rows, columns in ndimage.find_objects(groups):
        yield _narrowed(rows, rise.shape[0]), _narrowed(columns, rise.shape[1])


def _narrowed(extent: slice, length: int) -> slice:
    """Without the pixel that the filter added at either end, unless the film ends there."""
    return slice(extent.start + (extent.start > 0), extent.stop - (extent.stop < length))


def _marker(box: Box, shape: tuple[int, ...]) -> Marker:
    (top, height), (left, width) = ((x.start / n, (x.stop - x.start) / n) for x, n in zip(box, shape, strict=True))
    return Marker(top, left, height, width)


def _plausible(marker: Marker) -> bool:
    from_edge = min(marker.row, 1 - marker.row, marker.column, 1 - marker.column)
    return marker.height <= _HEIGHT and marker.width <= _WIDTH and from_edge <= _FROM_EDGE


def _stands_out(film: Grid, rise: Grid, box: Box) -> bool:
    """Whether the group is large enough to be read, sharp all over, and free of what is beside it."""
    cut = any(x.start == 0 or x.stop == length for x, length in zip(box, film.shape, strict=True))
    if min(rise[box].shape) < (_LEAST_CUT if cut else _LEAST):
        return False
    around = film[_grown(box, 1)]
    down, across = np.abs(np.diff(around, axis=0)), np.abs(np.diff(around, axis=1))
    greatest, mean = max(down.max(), across.max()), (down.sum() + across.sum()) / around.size
    return bool(greatest >= max(_STEP, _ISOLATION * _beside(rise, box)) and mean >= _TEXTURE * rise[box].max())


def _beside(rise: Grid, box: Box) -> float:
    """Greatest rise in a frame two pixels wide around the box; the pixel between is the mark's own smeared edge."""
    outer, inner = _grown(box, 3), _grown(box, 1)
    frame = rise[outer].copy()
    frame[tuple(slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True))] = 0.0
    return float(frame.max())


def _grown(box: Box, by: int) -> Box:
    rows, columns = (slice(max(extent.start - by, 0), extent.stop + by) for extent in box)
    return rows, columns


def _opened(film: Grid, side: int) -> Grid:
    """Grey opening by squares within the film; that of scipy takes longer than all else here together."""
    least = _slid(_slid(film, side, np.minimum).T, side, np.minimum).T
    return _slid(_slid(np.pad(least, side - 1), side, np.maximum).T, side, np.maximum).T


def _slid(grid: Grid, side: int, of: Callable[[Grid, Grid], Grid]) -> Grid:
    """Minimum or maximum over ``side`` rows, by doubling: (H - side + 1, W)."""
    reach = 1
    while reach < side:
        further = min(reach, side - reach)
        grid, reach = of(grid[further:], grid[:-further]), reach + further
    return grid
