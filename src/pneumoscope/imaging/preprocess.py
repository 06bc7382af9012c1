"""From a radiograph to what the network takes: the only place where this happens.

Training, evaluation and prediction all call these functions, with parameters that travel in the bundle.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import Radiograph


class Preprocessing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a film becomes a network input.

    Attributes
    ----------
    size : (height, width) of the input.
    aspect : "squash" scales both sides on their own, as the published copies of the Kermany films do.
    resample : "bilinear", with a support that grows with the scale, so that shrinking does not alias.
    mean, std : the input is ``(pixel - mean) / std`` of pixels in [0, 1].
    """

    size: tuple[int, int]
    aspect: Literal["squash"] = "squash"
    resample: Literal["bilinear"] = "bilinear"
    mean: float = 0.5
    std: float = 0.5

    def __post_init__(self) -> None:
        if min(self.size) < 16 or max(self.size) > 4096:
            raise ValueError(f"size: expected two numbers from 16 to 4096, got {self.size}")
        if not self.std > 0:
            raise ValueError(f"std: expected more than 0, got {self.std}")


def resize(film: Radiograph, spec: Preprocessing) -> NDArray[np.float32]:
    """The film at the network's size: (H, W) float32 in [0, 1]."""
    height, width = spec.size
    if film.pixels.shape == spec.size:
        return film.pixels
    picture = Image.fromarray(film.pixels)
    resized = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)
    return np.clip(resized, 0.0, 1.0)


def standardise(pixels: NDArray[np.float32], spec: Preprocessing) -> NDArray[np.float32]:
    """Pixels in [0, 1], of any shape, as the network wants them."""
    return (pixels - np.float32(spec.mean)) / np.float32(spec.std)


def network_input(film: Radiograph, spec: Preprocessing) -> NDArray[np.float32]:
    """One film as a network input: (1, H, W) float32."""
    return standardise(resize(film, spec), spec)[np.newaxis]


def coarse(resized: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float64]:
    """Mean grey of the cells of a (rows, columns) grid laid over the film."""
    picture = Image.fromarray(np.ascontiguousarray(resized))
    return np.asarray(picture.resize((grid[1], grid[0]), Image.Resampling.BOX), np.float64)
