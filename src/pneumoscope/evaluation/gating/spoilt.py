"""Films as they should not come, and films a little less than perfect, made from sound ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from PIL import Image

from pneumoscope.bundle.spec import Kind
from pneumoscope.core import Radiograph
from pneumoscope.imaging.orientation import negative, turned

Draw = np.random.Generator

_PART: Final = 0.5
"""Side of what is left of a film that is cropped: a quarter of its area."""


def _window(film: Radiograph, share: float, draw: Draw) -> Radiograph:
    """A part of the film anywhere in it, with so much of each side."""
    sides = [max(1, round(share * side)) for side in film.pixels.shape]
    top, left = (int(draw.integers(0, whole - side + 1)) for whole, side in zip(film.pixels.shape, sides, strict=True))
    pixels = np.ascontiguousarray(film.pixels[top : top + sides[0], left : left + sides[1]])
    height, width = (max(1, round(share * side)) for side in film.full_size)
    return replace(film, pixels=pixels, full_size=(height, width))


def mild(film: Radiograph, draw: Draw) -> Radiograph:
    """A film as it should be, but tilted a little, cut a little closer, and a little brighter or darker."""
    cut = _window(film, float(draw.uniform(0.88, 1.0)), draw)
    tilted = Image.fromarray(cut.pixels).rotate(float(draw.uniform(-8, 8)), Image.Resampling.BILINEAR)
    pixels = np.asarray(tilted) ** np.float32(draw.uniform(0.8, 1.25))
    return replace(cut, pixels=np.clip(pixels, 0, 1).astype(np.float32))


SPOILT: Final[dict[Kind, Callable[[Radiograph, Draw], Radiograph]]] = {
    "inverted": lambda film, _: negative(film),
    "turned-left": lambda film, _: turned(film, 1),
    "upside-down": lambda film, _: turned(film, 2),
    "turned-right": lambda film, _: turned(film, -1),
    "cropped": lambda film, draw: _window(film, _PART, draw),
}
"""One line a kind that a film can be made into."""
