"""Which films there are, what is known of each, and which may teach and which may test."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pneumoscope.core.errors import ManifestError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Film:
    """One row.

    Attributes
    ----------
    path : relative to the manifest's root, with forward slashes.
    digest : SHA-256 (hex) of the file.
    patient : key that two films share exactly when they are of one patient, as far as the source tells.
    label : 1 (pneumonia), 0 (no pneumonia) or None (not stated).
    subtype : "bacterial", "viral" or "".
    split : "train", "val" or "test".
    source : the data set's short name.
    """

    path: str
    digest: str
    patient: str
    label: int | None
    subtype: str
    split: str
    source: str

    def __post_init__(self) -> None:
        if self.label not in (0, 1, None):
            raise ManifestError(f"{self.path}: label: expected 1, 0 or nothing, got {self.label!r}")
        if self.split not in SPLITS:
            raise ManifestError(f"{self.path}: split: expected one of {', '.join(SPLITS)}, got {self.split!r}")


@dataclass(frozen=True)
class Manifest:
    """Films under one root folder.

    Raises
    ------
    ManifestError : if a path is listed twice, or a patient or a file's bytes sit in two splits.
    """

    root: Path
    films: tuple[Film, ...]

    def __post_init__(self) -> None:
        twice = [path for path, n in Counter(film.path for film in self.films).items() if n > 1]
        if twice:
            raise ManifestError(f"{len(twice)} paths are listed more than once, the first is {twice[0]}")
        _refuse_straddlers("patient", ((film.patient, film.split) for film in self.films))
        _refuse_straddlers("file content", ((film.digest, film.split) for film in self.films))

    def __len__(self) -> int:
        return len(self.films)

    def only(self, split: str) -> Manifest:
        """The films of one split, labelled ones and others.

        Raises
        ------
        ManifestError : if there are none.
        """
        films = tuple(film for film in self.films if film.split == split)
        if not films:
            held = ", ".join(f"{name} ({n})" for name, n in Counter(film.split for film in self.films).items())
            raise ManifestError(f"{self.root} has no films in split '{split}'; it has: {held or 'no films at all'}")
        return Manifest(self.root, films)

    def labelled(self) -> Manifest:
        """The films whose label is stated."""
        return Manifest(self.root, tuple(film for film in self.films if film.label is not None))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what the rows say, whatever their order and wherever the root is."""
        rows = sorted(
            "\x1f".join((f.path, f.digest, f.patient, str(f.label), f.subtype, f.split, f.source)) for f in self.films
        )
        return hashlib.sha256("\x1e".join(rows).encode("utf-8", "surrogateescape")).hexdigest()


def _refuse_straddlers(what: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Leakage makes every later number a lie, so a leaking manifest does not exist."""
    home: dict[str, str] = {}
    straddlers = {key for key, split in pairs if home.setdefault(key, split) != split}
    if straddlers:
        example = min(straddlers)
        raise ManifestError(
            f"{len(straddlers)} with the same {what} sit in two splits (for example {example!r}): expected each "
            f"in one. Split by patient again, or drop the repeated files from one split."
        )
