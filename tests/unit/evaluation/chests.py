"""Made-up chests: a bright body with two dark lungs, on black."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 112
LUNGS = ((0.5, 0.29), (0.5, 0.71))
"""Middle row and column of each, in shares of the film."""
RADII = (0.3, 0.13)


def lungs(side: int = SIDE) -> NDArray[np.bool_]:
    """(side, side) where they are."""
    row, column = np.mgrid[:side, :side] / side
    fields = [((row - r) / RADII[0]) ** 2 + ((column - c) / RADII[1]) ** 2 < 1 for r, c in LUNGS]
    return np.logical_or(*fields)


def chest(seed: int, *, opaque: bool = False, side: int = SIDE) -> NDArray[np.uint8]:
    """A film of one, with noise of its own; ``opaque``: the lung on the right of the picture is as bright as bone."""
    row, column = np.mgrid[:side, :side] / side
    body = ((row - 0.55) / 0.62) ** 2 + ((column - 0.5) / 0.46) ** 2 < 1
    grey = np.where(body, 0.7, 0.02)
    grey[lungs(side)] = 0.35
    if opaque:
        grey[lungs(side) & (column > 0.5)] = 0.95
    noise = np.random.default_rng(seed).normal(0, 0.02, grey.shape)
    return np.rint(255 * np.clip(grey + noise, 0, 1)).astype(np.uint8)
