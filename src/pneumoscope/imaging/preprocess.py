"""From a radiograph to what the network takes: the only place where this happens.

Training, evaluation and prediction all call these functions, with parameters that travel in the bundle.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import Radiograph
from pneumoscope.imaging.contrast import CONTRASTS, edges
from pneumoscope.imaging.placing import Aspect, Placing, box_on_film, over_film, place

_DIGITS = 6
"""Of a pixel: an edge that lies between two pixels must not be moved by the rounding of a division."""


class Preprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a film becomes a network input.

    Attributes
    ----------
    size : (height, width) of the input.
    aspect : "squash" scales both sides on their own, as the published copies of the Kermany films do; "pad" scales the
        film to fit, in the middle, and fills up with 0 (air); "crop" scales it to fill, and cuts off what is too much.
    resample : "bilinear", with a support that grows with the scale, so that shrinking does not alias.
    contrast : "none"; or "equalise" or "clahe", see :mod:`pneumoscope.imaging.contrast`.
    edges : whether a second channel holds the film's edges, before its contrast was changed.
    mean, std : the input is ``(pixel - mean) / std`` of pixels in [0, 1].
    """

    size: tuple[int, int]
    aspect: Aspect = "squash"
    resample: Literal["bilinear"] = "bilinear"
    contrast: Literal["none", "equalise", "clahe"] = "none"
    edges: bool = False
    mean: float = 0.5
    std: float = 0.5

    def __post_init__(self) -> None:
        if min(self.size) < 16 or max(self.size) > 4096:
            raise ValueError(f"size: expected two numbers from 16 to 4096, got {self.size}")
        if not self.std > 0:
            raise ValueError(f"std: expected more than 0, got {self.std}")

    @property
    def channels(self) -> int:
        """How many planes the network takes."""
        return 1 + self.edges

    @property
    def plain(self) -> Preprocessing:
        """The whole film in its own greys, squashed to the same size: what tells whether a film is sound."""
        return msgspec.structs.replace(self, aspect="squash", contrast="none", edges=False)


def resize(film: Radiograph, spec: Preprocessing) -> NDArray[np.float32]:
    """The film at the network's size and aspect, in its own greys: (H, W) float32 in [0, 1]."""
    if film.pixels.shape == spec.size:
        return film.pixels
    box, rows, columns = _place(film, spec)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    resized = Image.fromarray(_weighed(film)).resize(size, Image.Resampling.BILINEAR, box=box)
    picture = np.zeros(spec.size, np.float32)
    picture[rows, columns] = np.clip(np.asarray(resized), 0.0, 1.0)
    return picture


def _weighed(film: Radiograph) -> NDArray[np.float32]:
    """The film's pixels, where a last row or column that is only in part film counts no more than that part."""
    rows, columns = (side % 1 for side in film.extent)
    if not (rows or columns):
        return film.pixels
    pixels = film.pixels.copy()
    if rows:
        pixels[-1] = rows * pixels[-1] + (1 - rows) * pixels[-2]
    if columns:
        pixels[:, -1] = columns * pixels[:, -1] + (1 - columns) * pixels[:, -2]
    return pixels


def planes(film: Radiograph, spec: Preprocessing) -> NDArray[np.float32]:
    """What the network sees of the film: (C, H, W) float32 in [0, 1].

    Plane 0 is the film resized, then with its contrast changed; plane 1, if ``spec.edges``, its edges. Both steps work
    on 8 bits and on the film alone: padding stays 0, changes no grey, and no edge is found where it begins.

    Raises
    ------
    MissingExtra : if the preprocessing needs OpenCV and it is not installed.
    """
    resized = resize(film, spec)
    if spec.contrast == "none" and not spec.edges:
        return resized[np.newaxis]
    _, rows, columns = _place(film, spec)
    greys = np.rint(resized[rows, columns] * 255.0).astype(np.uint8)
    steps = [CONTRASTS[spec.contrast](greys), *([edges(greys)] if spec.edges else [])]
    seen = np.zeros((spec.channels, *spec.size), np.float32)
    seen[:, rows, columns] = np.divide(steps, np.float32(255), dtype=np.float32)
    return seen


def _place(film: Radiograph, spec: Preprocessing) -> Placing:
    return place(film.extent, spec.size, spec.aspect)


def map_over_film(grid: NDArray[np.float32], film: Radiograph, spec: Preprocessing) -> NDArray[np.float32]:
    """A map (h, w) of what the network was shown, as a map of the whole film: see :func:`over_film`."""
    return over_film(grid, film.extent, spec.size, spec.aspect)


def box_over_film(
    cells: tuple[slice, slice], grid: tuple[int, int], film: Radiograph, spec: Preprocessing
) -> tuple[int, int, int, int] | None:
    """The box of whole pixels that holds some rows and columns of a map (of ``grid`` cells) of what the network saw.

    Returns
    -------
    (top, left, bottom, right) in pixels of the film at its full size, whatever scale it was decoded at; None if these
    cells show none of the film.
    """
    if (box := box_on_film(cells, grid, film.extent, spec.size, spec.aspect)) is None:
        return None
    scales = [full / side for full, side in zip(film.full_size, film.extent, strict=True)] * 2
    top, left, bottom, right = (round(edge * scale, _DIGITS) for edge, scale in zip(box, scales, strict=True))
    return math.floor(top), math.floor(left), math.ceil(bottom), math.ceil(right)


def standardise(pixels: NDArray[np.float32], spec: Preprocessing) -> NDArray[np.float32]:
    """Pixels in [0, 1], of any shape, as the network wants them."""
    return (pixels - np.float32(spec.mean)) / np.float32(spec.std)


def network_input(film: Radiograph, spec: Preprocessing) -> NDArray[np.float32]:
    """One film as a network input: (C, H, W) float32."""
    return standardise(planes(film, spec), spec)


def coarse(resized: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float64]:
    """Mean grey of the cells of a (rows, columns) grid laid over the film."""
    height, width = (side // cells for side, cells in zip(resized.shape, grid, strict=True))
    if resized.shape == (height * grid[0], width * grid[1]):  # the usual case, and the quickest
        strips = resized.reshape(grid[0], height, -1).sum(axis=1)
        cells: NDArray[np.float64] = strips.reshape(*grid, width).sum(axis=2, dtype=np.float64) / (height * width)
        return cells
    picture = Image.fromarray(np.ascontiguousarray(resized))
    return np.asarray(picture.resize((grid[1], grid[0]), Image.Resampling.BOX), np.float64)
