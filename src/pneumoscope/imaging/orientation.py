"""A film turned, or as its negative: what puts right a film that came wrongly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import Radiograph


def turned(film: Radiograph, quarters: int) -> Radiograph:
    """The film turned anticlockwise by so many quarters; below 0 clockwise. Its digest stays that of the file.

    A last row or column that is only in part film (``Radiograph.extent``) is the last one again.
    """
    pixels, extent = np.rot90(film.pixels, quarters), film.extent[::-1] if quarters % 2 else film.extent
    for axis, turns in ((0, (1, 2)), (1, (2, 3))):
        if quarters % 4 in turns and (part := extent[axis] % 1):
            pixels = _from_its_edge(pixels, axis, part)
    pixels = np.ascontiguousarray(pixels)
    if quarters % 2 == 0:
        return replace(film, pixels=pixels)
    (height, width), spacing = film.full_size, film.spacing
    return replace(film, pixels=pixels, full_size=(width, height), spacing=spacing and (spacing[1], spacing[0]))


def _from_its_edge(pixels: NDArray[np.float32], axis: int, part: float) -> NDArray[np.float32]:
    """A film of whose first row (axis 0) or column (1) only a ``part`` is film, in pixels that begin where it does."""
    last = pixels.shape[axis] - 1
    ahead = pixels.take([*range(1, last + 1), last], axis)
    return np.clip(np.float32(part) * pixels + np.float32(1 - part) * ahead, 0, 1)  # rounding may lead beyond 1


def negative(film: Radiograph) -> Radiograph:
    """The film with black and white exchanged."""
    return replace(film, pixels=np.float32(1) - film.pixels)
