"""Steps of preprocessing that OpenCV takes, on greys of 8 bits.

A name stands for its parameters: other parameters are another name, or bundles would change their meaning. All three
give the same bytes on any number of threads and with or without OpenCV's processor-specific code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import MissingExtra

Greys: TypeAlias = NDArray[np.uint8]

_TILES: Final = (8, 8)
_CLIP: Final = 2.0
_FAINT: Final = 50
_CLEAR: Final = 150


def equalise(greys: Greys) -> Greys:
    """Greys spread so that each range of them holds about as many pixels: histogram equalisation, (H, W).

    The darkest grey becomes 0, the brightest 255; a film of one grey stays as it is.
    """
    equalised: Greys = _opencv("equalise").equalizeHist(greys)
    return equalised


def clahe(greys: Greys) -> Greys:
    """Contrast-limited adaptive histogram equalisation, (H, W).

    Each of 8 x 8 tiles is equalised on its own, and a pixel's grey is interpolated between the tiles about it
    (K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994). What a grey counts
    beyond twice its even share of a tile is shared out among all greys, so that noise where nothing else is to be seen
    does not become a pattern.
    """
    adapted: Greys = _opencv("clahe").createCLAHE(clipLimit=_CLIP, tileGridSize=_TILES).apply(greys)
    return adapted


def edges(greys: Greys) -> Greys:
    """255 on edges, else 0, (H, W) (J. Canny, "A computational approach to edge detection", 1986).

    The length of Sobel's gradient, four times the step between two flat regions, must reach 150 somewhere on an edge (a
    step of 38 greys) and 50 all along it: ribs, heart and diaphragm do. In the demo films at 224 x 224, from 2 to 15
    pixels in a hundred are edges.
    """
    found: Greys = _opencv("edges").Canny(greys, _FAINT, _CLEAR, apertureSize=3, L2gradient=True)
    return found


CONTRASTS: dict[str, Callable[[Greys], Greys]] = {"none": lambda greys: greys, "equalise": equalise, "clahe": clahe}
"""One line a way to change a film's contrast."""


def _opencv(step: str) -> Any:
    try:
        import cv2  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra(f"a preprocessing with '{step}'", "vision") from error
    return cv2
