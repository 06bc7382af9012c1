"""Pictures that are no frontal chest films, in folders by category, divided so that no study sits on two sides."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import FilmError, ManifestError, Radiograph, UnsupportedFilm
from pneumoscope.core.text import utf8
from pneumoscope.data.duplicates import groups, thumb_likeness
from pneumoscope.imaging import is_film_name, read

Part = Literal["fit", "threshold", "apart"]
PARTS: Final[tuple[Part, ...]] = ("fit", "fit", "threshold", "apart", "apart")
"""Of five pictures two are fitted on, one sets thresholds, and two are kept apart to measure."""

_ALIKE: Final = 0.9
"""Thumbnails from here on are taken for one study: neighbouring slices, views of one exposure, copies."""
_THUMB: Final = 32


@dataclass(frozen=True)
class Picture:
    """One file, what it is, and what it is used for. ``colour``: the door refuses it, and it is looked at in grey."""

    path: Path
    category: str
    part: Part
    colour: bool


def pictures(folder: Path) -> tuple[Picture, ...]:
    """The pictures below ``folder``, whose sub-folders are their categories.

    Pictures of a category that look much alike (slices of one study, copies) go to one part together. The part is
    drawn by the first one's name, so that another picture in the folder moves none but those that it is like.

    Raises
    ------
    ManifestError : if there are none.
    FilmError : if a file cannot be read.
    """
    found: list[Picture] = []
    for category in sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
        paths = sorted(path for path in category.iterdir() if is_film_name(path))
        small = [(_thumb(film), colour) for film, colour in map(in_grey, paths)]  # one at a time: pictures may be large
        heads = _heads([thumb for thumb, _ in small])
        found += (
            Picture(path, utf8(category.name), _part(paths[head].name), colour)
            for path, (_, colour), head in zip(paths, small, heads, strict=True)
        )
    if not found:
        raise ManifestError(f"{folder}: expected a sub-folder of pictures for each category, found none")
    return tuple(found)


def in_grey(path: Path) -> tuple[Radiograph, bool]:
    """The picture as a film, and whether the door refuses it as it is, for its colour.

    Raises
    ------
    FilmError : naming the file, if it cannot be read, in grey either.
    """
    try:
        try:
            return read(path), False
        except UnsupportedFilm as refused:
            return read(_as_grey(path, refused)), True
    except FilmError as error:
        raise type(error)(f"{path}: {error}") from error


def _as_grey(path: Path, refused: UnsupportedFilm) -> bytes:
    grey = io.BytesIO()
    try:
        with Image.open(path) as picture:
            picture.convert("L").save(grey, "PNG")
    except (OSError, Image.DecompressionBombError):  # no picture file, or not refused for its colour
        raise refused from None
    return grey.getvalue()


def _part(name: str) -> Part:
    return PARTS[hashlib.sha256(name.encode()).digest()[0] % len(PARTS)]


def _heads(thumbs: Sequence[NDArray[np.uint8]]) -> Iterator[int]:
    """For each picture, by its thumbnail, the place of the first one of its study."""
    pairs = np.array(list(combinations(range(len(thumbs)), 2)), np.intp).reshape(-1, 2)
    alike = pairs[thumb_likeness(np.stack(thumbs), pairs) >= _ALIKE] if len(pairs) else pairs
    head = {int(i): int(group[0]) for group in groups(alike) for i in group}
    return (head.get(i, i) for i in range(len(thumbs)))


def _thumb(film: Radiograph) -> NDArray[np.uint8]:
    small = Image.fromarray(film.pixels).resize((_THUMB, _THUMB), Image.Resampling.BOX)
    greys: NDArray[np.uint8] = np.rint(np.clip(np.asarray(small), 0, 1) * 255).astype(np.uint8)
    return greys
