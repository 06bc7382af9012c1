"""Reasons to distrust an answer that are seen in the film itself, by bounds that hold for any bundle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pneumoscope.bundle import BundleSpec
from pneumoscope.core import QualityFlag, Radiograph
from pneumoscope.imaging.preprocess import coarse

# Below the least of the 5,216 Kermany train films (0.27): their own range is no reason for a flag.
_LOW_CONTRAST = 0.25
_BLANK = 0.05
# Correlation with the typical film: 0.27 to 1 on the same films, -0.27 and below once inverted; adult films from -0.05.
_INVERTED = -0.15


def quality_flags(film: Radiograph, resized: NDArray[np.float32], spec: BundleSpec) -> tuple[QualityFlag, ...]:
    """Flags for a film, given all of it in its own greys at the network's size, (H, W).

    That is ``resize(film, spec.preprocessing.plain)``: padding would pass for black, and a contrast that has been
    stretched for a good one.
    """
    return tuple(_flags(film, resized, spec))


def _flags(film: Radiograph, resized: NDArray[np.float32], spec: BundleSpec) -> Iterator[QualityFlag]:
    if min(film.full_size) < min(spec.preprocessing.size):
        (height, width), (least_height, least_width) = film.full_size, spec.preprocessing.size
        needed = f"{least_width} x {least_height}"
        yield QualityFlag("too-small", f"The film is only {width} x {height} pixels; the model looks at {needed}.")
    yield from _contrast(resized)
    if film.chroma > 0:
        yield QualityFlag("not-greyscale", f"{film.chroma:.1%} of the film is coloured: a stamp or an annotation?")
    if _likeness(resized, spec.typical_film) < _INVERTED:
        yield QualityFlag(
            "inverted", "Black and white seem to be swapped: the film looks like the negative of a chest."
        )


def _contrast(resized: NDArray[np.float32]) -> Iterator[QualityFlag]:
    """Spread of the middle 90% of the pixels; every fourth pixel each way is enough to tell."""
    greys = np.sort(resized[::4, ::4], axis=None)
    dark, bright = greys[round(0.05 * (greys.size - 1))], greys[round(0.95 * (greys.size - 1))]
    if bright - dark < _BLANK:
        yield QualityFlag("blank", "The film is blank or nearly so.")
    elif bright - dark < _LOW_CONTRAST:
        yield QualityFlag("low-contrast", f"The film uses only {bright - dark:.0%} of the grey scale.")


def _likeness(resized: NDArray[np.float32], typical: tuple[tuple[float, ...], ...]) -> float:
    """Correlation of the film, averaged to the grid of the typical film, with it; 0 for a film of one grey."""
    return correlation(coarse(resized, (len(typical), len(typical[0]))), np.array(typical))


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pearson's correlation of two grids; 0 when either is constant."""
    one, other = one - one.mean(), other - other.mean()
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float((one * other).sum()) / size if size > 1e-9 else 0.0
