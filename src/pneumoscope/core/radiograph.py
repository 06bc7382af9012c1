"""The one form in which pixels travel through the program."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Radiograph:
    """One film, display-ready: nobody downstream has to guess what a pixel means.

    Attributes
    ----------
    pixels : (H, W) float32 in [0, 1]; 0 is air (black), 1 is bone (white).
    digest : SHA-256 (hex) of the file's bytes.
    full_size : (height, width) in the file; larger than ``pixels`` when the film was decoded at a reduced scale.
    container : ``"jpeg"``, ``"png"``, ``"tiff"``, ``"bmp"``, ``"webp"`` or ``"dicom"``.
    colour : whether the file stores its greys in colour channels.
    chroma : share of pixels, 0 to 1, with visible colour (a stamp, an annotation). Zero for a plain film.
    modality, body_part, view : as the DICOM header states them (``"DX"``, ``"CHEST"``, ``"PA"``), upper case, or None.
    age : of the patient, in whole years, as the header states or lets it be worked out, or None. No date is kept.
    spacing : (row, column) millimetres a pixel of ``full_size``, or None.
    notes : what the reader had to do, in order, in plain words.

    Holds no patient identity, by design.

    Raises
    ------
    ValueError : if ``pixels`` breaks the contract above.
    """

    pixels: NDArray[np.float32]
    digest: str
    full_size: tuple[int, int]
    container: str
    colour: bool = False
    chroma: float = 0.0
    modality: str | None = None
    body_part: str | None = None
    view: str | None = None
    age: int | None = None
    spacing: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        p = self.pixels
        if p.ndim != 2 or p.dtype != np.float32 or p.size == 0:
            raise ValueError(f"pixels: expected a non-empty (H, W) float32 array, got {p.shape} {p.dtype}")
        low, high = float(p.min()), float(p.max())
        if not (low >= 0.0 and high <= 1.0):  # written so that NaN fails too
            raise ValueError(f"pixels: expected values in [0, 1], got [{low}, {high}]")
        p.flags.writeable = False

    @property
    def extent(self) -> tuple[float, float]:
        """(height, width) of the film, measured in ``pixels``.

        Whole numbers, unless a reduced scale did not divide the file's size: part of the last row or column then lies
        beyond the film.
        """
        (height, width), (rows, columns) = self.full_size, self.pixels.shape
        return _within(height, rows), _within(width, columns)


def _within(full: int, shown: int) -> float:
    """How much of a side of ``shown`` pixels is film, where each stands for as many of the ``full`` ones."""
    inside = full / max(1, round(full / shown))
    return inside if math.ceil(inside) == shown else float(shown)
