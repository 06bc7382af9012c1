"""Parts of a film by geometry alone: its ring, its corners, its middle.

A stand-in: nobody has drawn the lungs on these films. Where a chest fills the film, the middle holds most of both lungs
and the ring mostly arms, neck, belly, collimator and marks; where it does not, it holds other things.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

RING: Final = 0.1
"""Width of the ring, in shares of each side."""
MARGIN: Final = 0.15
"""Side of a corner's square, and how far the centre is from each edge."""

_Sides = NDArray[np.float64]


class Region(NamedTuple):
    """What a region is, for people; how far from each edge it ends or begins; and which part that gives."""

    title: str
    margin: float
    part: Callable[[_Sides, _Sides], NDArray[np.float64]]


def _inside(rows: _Sides, columns: _Sides) -> NDArray[np.float64]:
    return np.outer(rows, columns)


def _outside(rows: _Sides, columns: _Sides) -> NDArray[np.float64]:
    return 1 - np.outer(rows, columns)


def _corners(rows: _Sides, columns: _Sides) -> NDArray[np.float64]:
    return np.outer(1 - rows, 1 - columns)


REGIONS: Final[dict[str, Region]] = {
    "centre": Region(f"the middle {1 - 2 * MARGIN:.0%} each way", MARGIN, _inside),
    "ring": Region(f"the outer {RING:.0%} of each side", RING, _outside),
    "corners": Region(f"four squares of {MARGIN:.0%} of each side", MARGIN, _corners),
    "inside the ring": Region(f"all but the outer {RING:.0%} of each side", RING, _inside),
}


def cover(region: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """(h, w) the share of each cell of a grid over the film that lies in the region.

    >>> cover("corners", (2, 2)).round(6).tolist()
    [[0.09, 0.09], [0.09, 0.09]]
    >>> round(float(cover("ring", (7, 7)).mean()), 6)
    0.36
    """
    _, margin, part = REGIONS[region]
    edges = [np.arange(cells + 1) / cells for cells in shape]
    rows, columns = (np.diff(np.clip(edge, margin, 1 - margin)) * (len(edge) - 1) for edge in edges)
    return part(rows, columns)


def middles(region: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(h, w) which cells of a grid over the film have their middle in the region.

    >>> middles("corners", (7, 7)).sum()
    np.int64(4)
    """
    _, margin, part = REGIONS[region]
    rows, columns = (np.abs((np.arange(cells) + 0.5) / cells - 0.5) <= 0.5 - margin for cells in shape)
    return part(rows.astype(np.float64), columns.astype(np.float64)) > 0
