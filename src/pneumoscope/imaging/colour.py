"""Is it a grey picture in a colour container, or a colour picture?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import UnsupportedFilm

VISIBLE_SPREAD: Final = 16
"""Of 255. Grey films stay below it whatever JPEG does to their chroma; a tint that an eye sees does not."""

MAX_CHROMA: Final = 0.10
"""Radiographs with coloured marks stayed below 0.02, tinted MR slices below 0.05; of photographs 19 in 20 are above."""

_SAMPLES_A_SIDE: Final = 100
_SURELY_GREY: Final = 4
"""Cb and Cr this close to 128 cannot spread the channels by more than 4 * (1.402 + 1.772) = 12.7."""


def chroma_of_rgb(rgb: NDArray[np.uint8]) -> float:
    """Share, 0 to 1, of the pixels of an (H, W, 3) picture whose channels differ by more than :data:`VISIBLE_SPREAD`.

    Large pictures are sampled on a regular grid of 100 to 199 points on its shorter side.

    >>> chroma_of_rgb(np.full((16, 16, 3), 90, np.uint8))
    0.0
    """
    sample = _sampled(rgb)
    spread = sample.max(axis=2) - sample.min(axis=2)  # unsigned is safe: the maximum comes first
    return float(np.mean(spread > VISIBLE_SPREAD))


def chroma_of_ycc(ycc: NDArray[np.uint8]) -> float:
    """The same for (H, W, 3) full-range YCbCr (JFIF, ITU-R BT.601), without converting the picture to RGB."""
    sample = np.ascontiguousarray(np.moveaxis(_sampled(ycc[..., 1:]), 2, 0))
    if 128 - int(sample.min()) <= _SURELY_GREY >= int(sample.max()) - 128:  # almost every film ends here
        return 0.0
    cb, cr = sample.astype(np.float32) - 128
    offsets = np.stack((1.402 * cr, -0.344136 * cb - 0.714136 * cr, 1.772 * cb))  # R, G and B above the luma
    return float(np.mean(np.ptp(offsets, axis=0) > VISIBLE_SPREAD))


def refuse_colour(chroma: float) -> None:
    """Raise :class:`UnsupportedFilm` when the share of coloured pixels is above :data:`MAX_CHROMA`."""
    if chroma > MAX_CHROMA:
        raise UnsupportedFilm(
            f"a colour picture: {chroma:.0%} of its pixels are coloured; "
            "expected one greyscale radiograph, so export it without overlays or false colour"
        )


def luma(rgb: NDArray[Any], full_range: float = 255.0) -> NDArray[np.float32]:
    """(H, W, 3) RGB to (H, W) float32 in [0, 1], with the weights of ITU-R BT.601; a grey pixel keeps its value."""
    weighted = rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    grey = (rgb[..., 0] == rgb[..., 1]) & (rgb[..., 1] == rgb[..., 2])
    exact = np.where(grey, rgb[..., 0].astype(np.float32), weighted)  # the weights sum to 1 only up to rounding
    return np.clip(exact / np.float32(full_range), 0, 1)


def _sampled(picture: NDArray[Any]) -> NDArray[Any]:
    step = max(1, min(picture.shape[:2]) // _SAMPLES_A_SIDE)
    return picture[::step, ::step]
