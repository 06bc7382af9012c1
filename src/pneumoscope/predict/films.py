"""Which files are meant by the paths that a user names."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pneumoscope.imaging import is_film_name

_OWN_PICTURES = ".heatmap.jpg"
"""Ending of the pictures that the program itself writes: found in a folder, they are not films."""


class Films:
    """The films that paths, folders and globs name, in order, found anew at each iteration.

    A file that is named is a film whatever it is called. In folders, searched to any depth in sorted order without
    following links to folders, films are told by their names. Nothing is held in memory but one folder's names.

    Raises
    ------
    FileNotFoundError : if a path does not exist, or a glob matches nothing.
    """

    def __init__(self, named: Sequence[str | os.PathLike[str]]) -> None:
        self._places = [place for name in named for place in _matches(os.fspath(name))]

    def __iter__(self) -> Iterator[Path]:
        for place in self._places:
            if place.is_dir():
                yield from _in_folder(place)
            else:
                yield place

    def count(self) -> int:
        """How many there are now; walks the folders."""
        return sum(1 for _ in self)


def _matches(name: str) -> list[Path]:
    if os.path.lexists(name):  # a name may hold brackets without being a glob
        return [Path(name)]
    found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not found:
        raise FileNotFoundError(f"no such file or folder, and nothing matches it as a glob: {name}")
    return [Path(path) for path in found]


def _in_folder(folder: Path) -> Iterator[Path]:
    closed: list[OSError] = []
    for here, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here, name)
            if not name.startswith(".") and not name.endswith(_OWN_PICTURES) and is_film_name(path):
                yield path
    # A folder that may not be looked into becomes a row with an error, not films silently missing.
    yield from (Path(error.filename) for error in closed)
