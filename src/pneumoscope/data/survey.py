"""What can be measured on every film without knowing what it shows: the raw material of audit, splits and plots.

Each film is decoded once. Films with the same bytes are measured once. The result is kept beside the prepared films.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pneumoscope.core import FilmError, Radiograph
from pneumoscope.core.manifest import Film, Listing
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.data.film_arrays import film_array
from pneumoscope.data.markers import find_markers
from pneumoscope.imaging import read
from pneumoscope.imaging.preprocess import Preprocessing, coarse, resize

SIDE = 224
"""Statistics are those of the film squashed to this size, as a network sees it."""
THUMB = 32
_SPEC = Preprocessing(size=(SIDE, SIDE))
_RIM = 8
_DARK, _BRIGHT = 0.04, 0.96
_VERSION = 3
"""To be raised when a measurement changes: the cache is then made anew."""

MEASURED: dict[str, tuple[str, ...]] = {
    "size": ("width", "height", "aspect"),
    "compression": ("bytes_per_pixel",),
    "colour container": ("colour",),
    "edges": ("top", "bottom", "left", "right"),
    "brightness": ("mean", "std", "dark", "bright"),
    "texture": ("grain_x", "grain_y", "grain_ratio", "sharpness"),
    "markers": ("markers", "mark_row", "mark_height", "mark_shape"),
}
"""Columns by what they tell. None of them knows what the film shows."""
SCALARS = tuple(name for names in MEASURED.values() for name in names)

_ROW = np.dtype(
    [
        *((name, np.float32) for name in SCALARS),
        ("thumb", np.uint8, (THUMB, THUMB)),
        ("dicom", np.bool_),
        ("error", "S240"),
    ]
)

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


@dataclass(frozen=True, eq=False)
class Survey:
    """Measurements of a listing's films, in its order; NaN for a film that cannot be read.

    Width and height are pixels of the file. Greys run from 0 (air) to 1 (bone); ``top`` ... ``right`` are the mean grey
    of a rim of 8 in 224 pixels, ``dark`` and ``bright`` shares of pixels below 0.04 and above 0.96, ``grain_x`` and
    ``grain_y`` the mean absolute difference of neighbours along a row and a column, ``grain_ratio`` the first by the
    second (a film squashed from a wide one has more along its rows), ``sharpness`` the standard deviation of the
    4-neighbour Laplacian, ``markers`` the number of burnt-in marks, and ``mark_row``, ``mark_height`` and
    ``mark_shape`` (height by width) those of the leftmost one.
    """

    listing: Listing
    rows: NDArray[Any]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def readable(self) -> NDArray[np.bool_]:
        """(N,) which films could be read."""
        return np.asarray(self.rows["error"] == b"")

    @property
    def errors(self) -> dict[int, str]:
        """Why a film could not be read, by its place in the listing."""
        return {int(i): self.rows["error"][i].decode("utf-8", "replace") for i in np.flatnonzero(~self.readable)}

    @property
    def thumbs(self) -> NDArray[np.uint8]:
        """(N, 32, 32) mean greys of the squashed film; 0 for a film that cannot be read."""
        return self.rows["thumb"]

    def columns(self, *names: str) -> NDArray[np.float64]:
        """(N, K) measurements."""
        return np.stack([self.rows[name].astype(np.float64) for name in names], axis=1)

    def only(self, films: NDArray[np.bool_]) -> Survey:
        """Part of the survey."""
        chosen = tuple(film for film, keep in zip(self.listing.films, films, strict=True) if keep)
        return Survey(Listing(self.listing.root, chosen), self.rows[films])


def survey(listing: Listing, cache: Path, progress: Progress | None = None) -> Survey:
    """Measure every film of ``listing``, or map what an earlier call left in the folder ``cache``.

    Raises
    ------
    OSError : if the cache cannot be written. A film that cannot be read raises nothing: its row says why.
    """
    first: dict[str, int] = {}
    place = [first.setdefault(film.digest or film.path, i) for i, film in enumerate(listing.films)]
    distinct = [listing.films[i] for i in first.values()]

    def measured() -> Iterable[NDArray[Any]]:
        rows = ordered_map(lambda film: _measure(listing.root, film), distinct, usable_cores())
        return progress(rows, len(distinct)) if progress else rows

    rows = film_array(cache / f"{_key(distinct)}.survey.npy", (len(distinct),), _ROW, measured)
    if len(distinct) < len(listing):
        rank = {i: n for n, i in enumerate(first.values())}
        rows = rows[[rank[i] for i in place]]
    return Survey(listing, rows)


def squashed(path: Path) -> NDArray[np.uint8]:
    """The film at the size that is surveyed: (224, 224) uint8.

    Raises
    ------
    FilmError : if it cannot be read.
    """
    pixels: NDArray[np.uint8] = np.rint(resize(read(path, min_size=_SPEC.size), _SPEC) * 255).astype(np.uint8)
    return pixels


def _key(films: list[Film]) -> str:
    parts = [f"survey {_VERSION} {_ROW}", *(film.digest or film.path for film in films)]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _measure(root: Path, film: Film) -> NDArray[Any]:
    row = np.zeros((), _ROW)
    try:
        path = root / film.path
        _fill(row, read(path, min_size=_SPEC.size), path.stat().st_size)
    except (FilmError, OSError) as error:
        for name in SCALARS:
            row[name] = np.nan
        row["error"] = (str(error) or type(error).__name__).encode("utf-8", "backslashreplace")[:240]
    return row


def _fill(row: NDArray[Any], film: Radiograph, size: int) -> None:
    height, width = film.full_size
    pixels = resize(film, _SPEC)
    facts = {
        "width": width,
        "height": height,
        "aspect": width / height,
        "bytes_per_pixel": size / (width * height),
        "colour": film.colour,
        **_statistics(pixels),
        **_marks(pixels),
    }
    for name, value in facts.items():
        row[name] = value
    row["thumb"] = np.rint(coarse(pixels, (THUMB, THUMB)) * 255)
    row["dicom"] = film.container == "dicom"


def _marks(pixels: NDArray[np.float32]) -> dict[str, float]:
    """How many burnt-in marks there are, and where the leftmost is and of what shape; 0 without one.

    A mark is written on the film, so its shape tells how the film was squashed, and its place which machine wrote it.
    """
    marks = find_markers(pixels)
    first = min(marks, key=lambda mark: mark.left, default=None)
    return {
        "markers": len(marks),
        "mark_row": first.row if first else 0.0,
        "mark_height": first.height if first else 0.0,
        "mark_shape": first.height / first.width if first else 0.0,
    }


def _statistics(pixels: NDArray[np.float32]) -> dict[str, float]:
    """The statistics of one (224, 224) film."""
    grain_x, grain_y = (float(np.abs(np.diff(pixels, axis=axis)).mean()) for axis in (1, 0))
    inner = pixels[1:-1, 1:-1]
    laplacian = 4 * inner - pixels[2:, 1:-1] - pixels[:-2, 1:-1] - pixels[1:-1, 2:] - pixels[1:-1, :-2]
    return {
        "mean": float(pixels.mean()),
        "std": float(pixels.std()),
        "dark": float((pixels < _DARK).mean()),
        "bright": float((pixels > _BRIGHT).mean()),
        "top": float(pixels[:_RIM].mean()),
        "bottom": float(pixels[-_RIM:].mean()),
        "left": float(pixels[:, :_RIM].mean()),
        "right": float(pixels[:, -_RIM:].mean()),
        "grain_x": grain_x,
        "grain_y": grain_y,
        "grain_ratio": grain_x / grain_y if grain_y else 1.0,
        "sharpness": float(laplacian.std()),
    }
