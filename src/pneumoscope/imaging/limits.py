"""How large a film may be. Checked on declared sizes, before anything is decoded."""

from __future__ import annotations

from typing import Final

from pneumoscope.core import UnsupportedFilm

MAX_BYTES: Final = 512 * 2**20
"""Larger files are refused, and so is a deflated DICOM that grows beyond it."""

MAX_PIXELS: Final = 100_000_000
"""The largest radiographic detectors give about 25 megapixels; more is a mistake or a decompression bomb."""

MIN_SIDE: Final = 16
"""A picture narrower than this is an icon, a strip or a broken header, not a film."""


def check_bytes(size: int) -> None:
    """Refuse a file of more than :data:`MAX_BYTES`."""
    if size > MAX_BYTES:
        raise UnsupportedFilm(
            f"expected a film of at most {MAX_BYTES >> 20} MB, got {size / 2**20:.0f} MB; "
            "if it holds many frames, export the one radiograph"
        )


def check_size(height: int, width: int) -> None:
    """Refuse a picture of more than :data:`MAX_PIXELS` or with a side under :data:`MIN_SIDE` pixels."""
    size = f"{width} x {height} pixels (width x height)"
    if height * width > MAX_PIXELS:
        raise UnsupportedFilm(
            f"expected at most {MAX_PIXELS // 10**6} megapixels, the file declares {size}; export it at a smaller size"
        )
    if min(height, width) < MIN_SIDE:
        raise UnsupportedFilm(f"expected at least {MIN_SIDE} pixels on each side, got {size}; give the original film")
