"""Pictures that are no frontal chest films, in folders by category, divided so that no study sits on two sides."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pneumoscope.core import ManifestError, UnsupportedFilm
from pneumoscope.core.radiograph import Radiograph
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
    drawn by the first one's name, so that another picture in the folder moves no other.

    Raises
    ------
    ManifestError : if there are none, or a file cannot be read.
    """
    found: list[Picture] = []
    for category in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        paths = sorted(path for path in category.iterdir() if is_film_name(path))
        opened = [in_grey(path) for path in paths]
        heads = _heads([film for film, _ in opened])
        found += (
            Picture(path, category.name, _part(paths[head].name), colour)
            for path, (_, colour), head in zip(paths, opened, heads, strict=True)
        )
    if not found:
        raise ManifestError(f"{folder}: expected a sub-folder of pictures for each category, found none")
    return tuple(found)


def in_grey(path: Path) -> tuple[Radiograph, bool]:
    """The picture as a film, and whether the door refuses it as it is, for its colour."""
    try:
        return read(path), False
    except UnsupportedFilm:
        with Image.open(path) as picture:
            grey = io.BytesIO()
            picture.convert("L").save(grey, "PNG")
        return read(grey.getvalue()), True


def _part(name: str) -> Part:
    return PARTS[hashlib.sha256(name.encode()).digest()[0] % len(PARTS)]


def _heads(films: Iterable[Radiograph]) -> Iterator[int]:
    """For each film the place of the first one of its study."""
    thumbs = np.stack([_thumb(film) for film in films])
    pairs = np.array(list(combinations(range(len(thumbs)), 2)), np.intp).reshape(-1, 2)
    alike = pairs[thumb_likeness(thumbs, pairs) >= _ALIKE]
    head = {int(i): int(group[0]) for group in groups(alike) for i in group}
    return (head.get(i, i) for i in range(len(thumbs)))


def _thumb(film: Radiograph) -> NDArray[np.uint8]:
    small = Image.fromarray(film.pixels).resize((_THUMB, _THUMB), Image.Resampling.BOX)
    greys: NDArray[np.uint8] = np.rint(np.clip(np.asarray(small), 0, 1) * 255).astype(np.uint8)
    return greys
