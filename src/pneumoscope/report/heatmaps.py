"""Films with their heat maps as pictures in a folder."""

from __future__ import annotations

import io
import re
import secrets
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import Failure, Outcome, PneumoscopeError, Radiograph, Reading
from pneumoscope.report.base import Report, writing_to
from pneumoscope.report.drawing import draw_regions, with_scale
from pneumoscope.report.overlay import overlay
from pneumoscope.report.text import one_line

_MARK = b"pneumoscope heat map"
_MARK_WITHIN = 256  # bytes; the comment comes right after the JFIF header
_JPEG_QUALITY = 88
_STEM_BYTES = 160


class _Overlay(NamedTuple):
    name: str
    jpeg: bytes


class HeatmapReport(Report):
    """One JPEG a film, with heat map and regions drawn over it, in ``folder``: ``<stem>.<digest>.heatmap.jpg``.

    Below the film comes the scale of the colours, if the film is wide enough for its words.

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
        picture = _explained(film, outcome, outcome.heatmap, self._max_side)
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


def _explained(film: Radiograph, reading: Reading, heat: NDArray[np.float32], max_side: int) -> Image.Image:
    picture = overlay(film, heat, max_side)
    if reading.film_size:
        draw_regions(picture, reading.regions, reading.film_size)
    return with_scale(picture, reading.strong_evidence)


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
