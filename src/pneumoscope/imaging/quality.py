"""What a film's greys tell of how it was taken: numbers without a verdict, which depends on the films one is used to.

All take the whole film in its own greys at the network's size, (H, W) float32 in [0, 1]: see
:meth:`~pneumoscope.imaging.preprocess.Preprocessing.plain`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_DARK, _BRIGHT = 0.02, 0.98
_LEAST = 1e-9

MEASURES: Final = ("contrast", "brightness", "black", "white", "sharpness")
"""The names of what :func:`measures` gives, in its order."""


def measures(plain: NDArray[np.float32]) -> NDArray[np.float64]:
    """What MEASURES names.

    Of every second pixel each way: the spread of the middle 90% of the greys, the middle grey, and the shares that are
    all but black and all but white. Then the logarithm of how much finer detail there is than coarse: the mean squared
    step between neighbours of the film averaged 2 x 2, over that of the film averaged 8 x 8. A step of noise or of a
    JPEG's grain is finer than either, so that it does not pass for sharpness.
    """
    greys = plain[::2, ::2]
    dark, middle, bright = np.quantile(greys, [0.05, 0.5, 0.95])
    black, white = np.mean(greys <= _DARK), np.mean(greys >= _BRIGHT)
    return np.array([bright - dark, middle, black, white, sharpness(plain)], np.float64)


def sharpness(plain: NDArray[np.float32]) -> float:
    """See :func:`measures`; 0 for a film of one grey."""
    picture = Image.fromarray(np.ascontiguousarray(plain))
    fine, coarse = (_steps(np.asarray(picture.reduce(factor))) for factor in (2, 8))
    return math.log(fine / coarse) if min(fine, coarse) > _LEAST else 0.0


def _steps(greys: NDArray[np.float32]) -> float:
    across, down = np.diff(greys, axis=1), np.diff(greys, axis=0)
    return float(np.mean(across * across) + np.mean(down * down))
