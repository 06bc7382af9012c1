"""Which films there are, what is known of each, and which may teach and which may test."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple, Self

from pneumoscope.core.errors import ManifestError

SPLITS = ("train", "val", "test")
UNASSIGNED = ""
"""The split of a film that has not been given one yet."""

SEXES = ("F", "M", "")
SUBTYPES = ("bacterial", "viral", "")


def otherwise(label: str) -> str:
    """What a pneumonia is that is not of this subtype; "" for a label that is none.

    >>> otherwise("bacterial"), otherwise("tumour")
    ('viral', '')
    """
    return {"bacterial": "viral", "viral": "bacterial"}.get(label.casefold(), "")


class Box(NamedTuple):
    """Where a finding lies, in pixels of the file: left and top edge, width and height."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Film:
    """One row.

    Attributes
    ----------
    path : relative to the manifest's root, with forward slashes.
    digest : SHA-256 (hex) of the file; "" when the file could not be opened (``note`` then says why).
    patient : key that two films of one source share exactly when they are of one patient, as far as the source tells.
    label : 1 (pneumonia), 0 (no pneumonia) or None (not stated).
    subtype : "bacterial", "viral" or "".
    split : "train", "val", "test", or "" (not assigned yet).
    source : the data set's short name.
    findings : what the source states to be seen, in its own words.
    view : "PA", "AP" or another view in upper case, or "".
    age : years, or None.
    sex : "F", "M" or "".
    boxes : where the source says that the finding lies.
    note : what is wrong with the row, in plain words, or "".
    """

    path: str
    digest: str
    patient: str
    label: int | None
    subtype: str
    split: str
    source: str
    findings: tuple[str, ...] = ()
    view: str = ""
    age: float | None = None
    sex: str = ""
    boxes: tuple[Box, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if self.label not in (0, 1, None):
            raise ManifestError(f"{self.path}: label: expected 1, 0 or nothing, got {self.label!r}")
        if self.split not in (*SPLITS, UNASSIGNED):
            raise ManifestError(f"{self.path}: split: expected one of {', '.join(SPLITS)}, got {self.split!r}")
        if self.subtype not in SUBTYPES:  # "Bacterial" would count as not bacterial, and so as viral
            raise ManifestError(f"{self.path}: subtype: expected bacterial, viral or nothing, got {self.subtype!r}")
        if self.sex not in SEXES:
            raise ManifestError(f"{self.path}: sex: expected F, M or nothing, got {self.sex!r}")
        if self.age is not None and not 0 <= self.age <= 130:
            raise ManifestError(f"{self.path}: age: expected years from 0 to 130 or nothing, got {self.age!r}")

    @property
    def key(self) -> tuple[str, str]:
        """The patient, told apart from another source's patient of the same name."""
        return self.source, self.patient


@dataclass(frozen=True)
class Listing:
    """Films under one root folder, as they were found: an audit may have much to say about them.

    ``notes`` tell, one sentence each, of what lies in the folder and is not listed.

    Raises
    ------
    ManifestError : if a path is listed twice.
    """

    root: Path
    films: tuple[Film, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        twice = [path for path, n in Counter(film.path for film in self.films).items() if n > 1]
        if twice:
            raise ManifestError(f"{len(twice)} paths are listed more than once, the first is {twice[0]}")

    def __len__(self) -> int:
        return len(self.films)

    def only(self, split: str) -> Self:
        """The films of one split, labelled ones and others.

        Raises
        ------
        ManifestError : if there are none.
        """
        films = tuple(film for film in self.films if film.split == split)
        if not films:
            counts = Counter(film.split or "no split" for film in self.films)
            held = ", ".join(f"{name} ({n})" for name, n in counts.items()) or "no films at all"
            remedy = "; 'pneumoscope data split' assigns films" if "no split" in counts else ""
            raise ManifestError(f"{self.root} has no films in split '{split}'; it has: {held}{remedy}")
        return replace(self, films=films)

    def labelled(self) -> Self:
        """The films whose label is stated."""
        return replace(self, films=tuple(film for film in self.films if film.label is not None))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what the rows say, whatever their order and wherever the root is."""
        rows = sorted("\x1f".join(_said(film)) for film in self.films)
        return hashlib.sha256("\x1e".join(rows).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Manifest(Listing):
    """A listing that training and evaluation may trust.

    Raises
    ------
    ManifestError : if a path is listed twice, or a patient or a file's bytes sit in two splits. Films without a split
        teach and test nothing, and count for none.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        assigned = [film for film in self.films if film.split != UNASSIGNED]
        _refuse_straddlers("patient", ((film.key, film) for film in assigned))
        _refuse_straddlers("file content", ((film.digest, film) for film in assigned if film.digest))


_OPTIONAL = {field.name: field.default for field in fields(Film) if field.default is not MISSING}


def _said(film: Film) -> Iterable[str]:
    """What a row says; a column that states nothing counts for nothing, so that a new column changes no digest."""
    yield from (film.path, film.digest, film.patient, str(film.label), film.subtype, film.split, film.source)
    for name, nothing in _OPTIONAL.items():
        if (value := getattr(film, name)) != nothing:
            yield f"{name}={value}"


def _refuse_straddlers(what: str, pairs: Iterable[tuple[object, Film]]) -> None:
    """Leakage makes every later number a lie, so a leaking manifest does not exist."""
    home: dict[object, Film] = {}
    straddlers = {key: film for key, film in pairs if home.setdefault(key, film).split != film.split}
    if straddlers:
        film = min(straddlers.values(), key=lambda film: film.path)
        raise ManifestError(
            f"{len(straddlers)} with the same {what} sit in two splits (for example {film.path}, patient "
            f"{film.patient!r}): expected each in one. 'pneumoscope data audit' lists them, 'pneumoscope data clean' "
            f"mends the manifest."
        )
