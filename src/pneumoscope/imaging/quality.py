"""What a film's greys tell of how it was taken: numbers without a verdict, which depends on the films one is used to.

All take the film averaged 2 x 2, as :func:`half` gives it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

_DARK, _BRIGHT = 0.02, 0.98
_LEAST = 1e-9

MEASURES: Final = ("contrast", "brightness", "black", "white", "sharpness")
"""The names of what :func:`measures` gives, in its order."""

Greys = NDArray[np.float32]


def half(plain: Greys) -> Greys:
    """A film at half its size, (H, W) float32 to (H // 2, W // 2), each pixel the mean of 2 x 2.

    ``plain`` is the whole film in its own greys at the network's size: see ``Preprocessing.plain``.
    """
    height, width = (side // 2 * 2 for side in plain.shape)
    rows = plain[:height:2, :width] + plain[1:height:2, :width]
    return (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)


def measures(halved: Greys) -> NDArray[np.float64]:
    """What MEASURES names, (M,).

    Of every second pixel each way: the spread of the middle 90% of the greys, the middle grey, and the shares that are
    all but black and all but white; then :func:`sharpness`.
    """
    greys = np.sort(halved[::2, ::2], axis=None)
    dark, middle, bright = (float(greys[int(share * (greys.size - 1))]) for share in (0.05, 0.5, 0.95))
    black, white = np.searchsorted(greys, _DARK, "right"), greys.size - np.searchsorted(greys, _BRIGHT, "left")
    return np.array([bright - dark, middle, black / greys.size, white / greys.size, sharpness(halved)])


def sharpness(halved: Greys) -> float:
    """Logarithm of how much finer detail there is than coarse; 0 for a film of one grey.

    The mean squared step between neighbours over that of the film averaged once more, 4 x 4. Noise, and a JPEG's grain,
    are finer than either, so that they do not pass for sharpness.
    """
    fine, broad = _steps(halved), _steps(half(half(halved)))
    return math.log(fine / broad) if min(fine, broad) > _LEAST else 0.0


def _steps(greys: NDArray[np.floating]) -> float:
    across, down = (greys[:, 1:] - greys[:, :-1]).ravel(), (greys[1:] - greys[:-1]).ravel()
    return float(across @ across) / across.size + float(down @ down) / down.size
