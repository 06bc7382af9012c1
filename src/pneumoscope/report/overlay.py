"""Heat maps as pictures, on one fixed scale.

The scale is absolute: a cell's colour says how strong its evidence is and nothing about the rest of the film. A map
stretched to each film's own maximum would paint a red spot on every healthy film.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import Radiograph

#: Below this a cell stays uncoloured.
VISIBLE_FROM = 0.2
# (evidence, red, green, blue, opacity). Lightness falls all the way from pale yellow to dark red, so that the order
# can be seen without telling red from green; opacity rises with it, and stops where the film beneath stays readable.
_ANCHORS = np.array(
    [
        (0.00, 255, 241, 150, 0.00),
        (0.20, 255, 241, 150, 0.00),
        (0.35, 255, 224, 96, 0.26),
        (0.50, 254, 190, 60, 0.40),
        (0.70, 250, 128, 40, 0.50),
        (0.85, 232, 64, 36, 0.56),
        (1.00, 190, 8, 38, 0.62),
    ]
)


def _ramp() -> NDArray[np.uint8]:
    """Return the colours of 256 even steps, (256, 4) uint8 RGBA."""
    at = np.linspace(0.0, 1.0, 256)
    channels = [np.interp(at, _ANCHORS[:, 0], _ANCHORS[:, 1 + c]) for c in range(4)]
    channels[3] *= 255
    return np.stack(channels, axis=1).round().astype(np.uint8)


_RAMP = _ramp()
_RAMP_WORDS = _RAMP.view(np.uint32).ravel()  # four bytes at once: ten times faster to look up than one by one


def _as_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Map [0, 1] to 0..255."""
    return np.asarray(values * np.float32(255) + np.float32(0.5), dtype=np.uint8)


def _steps(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    if heat.ndim != 2 or heat.size == 0:
        raise ValueError(f"heat map: expected a non-empty (h, w) grid, got {heat.shape}")
    low, high = float(heat.min()), float(heat.max())
    if not (low >= -1e-3 and high <= 1.0 + 1e-3):  # written so that NaN fails too; rounding may spill a little
        raise ValueError(f"heat map: expected values in [0, 1], got [{low}, {high}]")
    return _as_bytes(np.clip(heat, 0.0, 1.0))


def colourise(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour a grid of evidence, 0 to 1, on the fixed scale.

    Parameters
    ----------
    heat : (h, w) float32 in [0, 1].

    Returns
    -------
    (h, w, 4) uint8 RGBA, not premultiplied: transparent up to ``VISIBLE_FROM``, then pale yellow over orange to dark
    red at 1, at most 62 % opaque.

    Raises
    ------
    ValueError : not such a grid, or a NaN in it.

    Example
    -------
    >>> colourise(np.array([[0.0, 0.1, 1.0]], np.float32))[0, :, 3].tolist()
    [0, 0, 158]
    """
    return _colours(_steps(heat))


def _colours(steps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return _RAMP_WORDS.take(steps).view(np.uint8).reshape(*steps.shape, 4)


def _coloured(heat: NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """Upsample, then colour: a colour between two cells is the colour of a value between theirs, never beyond."""
    smooth = Image.fromarray(_steps(heat)).resize(size, Image.Resampling.BILINEAR)
    return Image.fromarray(_colours(np.asarray(smooth)))


def heatmap_png(heat: NDArray[np.float32], size: tuple[int, int] | None = None) -> bytes:
    """Return the coloured heat map as an RGBA PNG of ``size`` (width, height), the grid's own when None."""
    height, width = heat.shape
    file = io.BytesIO()
    _coloured(heat, size or (width, height)).save(file, "PNG")
    return file.getvalue()


def film_picture(film: Radiograph, max_side: int) -> Image.Image:
    """Return the film in grey (mode L), no side longer than ``max_side`` pixels; never enlarged."""
    if max(film.pixels.shape) <= max_side:
        return Image.fromarray(_as_bytes(film.pixels))
    picture = Image.fromarray(film.pixels)  # shrunk before it is turned to bytes: half the time of the other order
    picture.thumbnail((max_side, max_side), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return Image.fromarray(_as_bytes(np.asarray(picture)))


def overlay(film: Radiograph, heat: NDArray[np.float32], max_side: int = 512) -> Image.Image:
    """Return the film in grey with the heat map blended over it, RGB, no side longer than ``max_side`` pixels."""
    return blend(film_picture(film, max_side), heat)


def blend(picture: Image.Image, heat: NDArray[np.float32]) -> Image.Image:
    """Return a copy of a grey picture with the heat map over it, RGB."""
    blended = picture.convert("RGB")
    colours = _coloured(heat, blended.size)
    blended.paste(colours, mask=colours)
    return blended
