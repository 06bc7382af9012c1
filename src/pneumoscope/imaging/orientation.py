"""A film turned, or as its negative: what puts right a film that came wrongly, and takes what was found on it back."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from pneumoscope.core import Radiograph

Box: TypeAlias = tuple[int, int, int, int]


def turned(film: Radiograph, quarters: int) -> Radiograph:
    """The film turned anticlockwise by so many quarters; below 0 clockwise. Its digest stays that of the file.

    A last row or column that lies beyond the film by part of a pixel is left out: it would become the first.
    """
    rows, columns = (math.floor(side) for side in film.extent)
    pixels = np.ascontiguousarray(np.rot90(film.pixels[:rows, :columns], quarters))
    if quarters % 2 == 0:
        return replace(film, pixels=pixels)
    (height, width), spacing = film.full_size, film.spacing
    return replace(film, pixels=pixels, full_size=(width, height), spacing=spacing and (spacing[1], spacing[0]))


def turned_box(box: Box, size: tuple[int, int], quarters: int) -> Box:
    """A (top, left, bottom, right) of a film of this (height, width), on the film :func:`turned` by so many quarters.

    >>> turned_box((0, 1, 2, 4), (10, 20), 1)
    (16, 0, 19, 2)
    """
    for _ in range(quarters % 4):
        (top, left, bottom, right), (height, width) = box, size
        box, size = (width - right, top, width - left, bottom), (width, height)
    return box


def negative(film: Radiograph) -> Radiograph:
    """The film with black and white exchanged."""
    return replace(film, pixels=np.float32(1) - film.pixels)
