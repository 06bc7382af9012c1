"""Heat maps as pictures, on one fixed scale.

The scale is absolute: a cell's colour says how strong its evidence is and nothing about the rest of the film. A map
stretched to each film's own maximum would paint a red spot on every healthy film.
"""

from __future__ import annotations

import io
import re
import secrets
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import Failure, Outcome, PneumoscopeError, Radiograph
from pneumoscope.report.base import Report, writing_to
from pneumoscope.report.text import one_line

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
_MARK = b"pneumoscope heat map"
_MARK_WITHIN = 256  # bytes; the comment comes right after the JFIF header
_JPEG_QUALITY = 88
_STEM_BYTES = 160


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
    """Upsample, then colour: a colour between two cells is the colour of the value between them."""
    smooth = Image.fromarray(_steps(heat)).resize(size, Image.Resampling.BICUBIC)
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


class _Overlay(NamedTuple):
    name: str
    jpeg: bytes


class HeatmapReport(Report):
    """One JPEG a film, with the heat map over it, in ``folder``: ``<stem>.<digest>.heatmap.jpg``.

    ``<digest>`` is the first 8 digits of the film's SHA-256: two films of one stem never meet, and a film's picture has
    the same name in every run. Films that failed, and readings without a heat map, leave no file.

    Each file is whole when it appears, so ``abort`` has nothing to remove. They are not forced to disk one by one
    (that would cost more than the reading): after a power cut, run again.

    Raises
    ------
    PneumoscopeError : ``folder`` cannot be written; or a file of that name is there that is no heat map of ours (a film
        is never overwritten).
    """

    def __init__(self, folder: Path, max_side: int = 512) -> None:
        self._folder, self._max_side = folder, max_side
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".{secrets.token_hex(4)}.part"
            probe.touch()
            probe.unlink()

    def render(self, outcome: Outcome, film: Radiograph | None) -> _Overlay | None:
        """Return the film's overlay as a JPEG with the name it will have."""
        if isinstance(outcome, Failure) or film is None or outcome.heatmap is None:
            return None
        file = io.BytesIO()
        picture = overlay(film, outcome.heatmap, self._max_side)
        picture.save(file, "JPEG", quality=_JPEG_QUALITY, comment=_MARK)
        return _Overlay(f"{_safe_stem(outcome.film)}.{outcome.film_digest[:8]}.heatmap.jpg", file.getvalue())

    def add(self, rendered: _Overlay | None) -> None:
        """Write the file under a temporary name and rename it."""
        if rendered is None:
            return
        target = self._folder / rendered.name
        with writing_to(target):
            _refuse_foreign(target)
            _write_whole(target, rendered.jpeg)

    def close(self) -> None:
        """Do nothing: every file is finished already."""

    def abort(self) -> None:
        """Do nothing: every file is finished already."""


def _safe_stem(film: str) -> str:
    """Return the film's stem with only what every file system takes, and short enough to add to."""
    stem = re.sub(r'[\\/:*?"<>|]', "_", one_line(Path(film).stem)).strip(". ") or "film"
    return stem.encode()[:_STEM_BYTES].decode(errors="ignore")


def _refuse_foreign(target: Path) -> None:
    """Raise if ``target`` exists and does not carry our mark."""
    try:
        with target.open("rb") as file:
            ours = _MARK in file.read(_MARK_WITHIN)
    except FileNotFoundError:
        return
    if not ours:
        raise PneumoscopeError(f"{target} is not a heat map of this program and is left alone; choose another folder")


def _write_whole(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".{secrets.token_hex(6)}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
