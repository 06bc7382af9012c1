"""What every source of films has in common: how it is described, and how its rows become a listing."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from pneumoscope.core import ManifestError
from pneumoscope.core.files import sha256_file
from pneumoscope.core.manifest import Box, Film, Listing
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.data.fetch.places import Place
from pneumoscope.imaging import is_film_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A row before its file is opened; ``path`` is where the film lies. For the rest see :class:`Film`."""

    path: Path
    patient: str
    label: int | None
    subtype: str = ""
    split: str = ""
    findings: tuple[str, ...] = ()
    view: str = ""
    age: float | None = None
    sex: str = ""
    boxes: tuple[Box, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may say about a folder beyond its layout. Sources that have no use for an option refuse it.

    Attributes
    ----------
    table : a CSV that holds the labels, where the source needs one and it lies elsewhere.
    columns : our column to theirs: ``{"label": "Target", "patient": "PatientID"}``.
    classes : what a stated class means: ``{"effusion": 0, "covid": None}``.
    patient_pattern : finds the patient's key in a film's path; its first group, or all of the match.
    """

    table: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, int | None] = field(default_factory=dict)
    patient_pattern: re.Pattern[str] | None = None

    def given(self) -> set[str]:
        """The options that were set."""
        return {name for name in self.__dataclass_fields__ if getattr(self, name)}


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set, or a way in which films lie about.

    Attributes
    ----------
    name, title : for the command line, and for people.
    layout : by what it is known, in a few words.
    recognises : whether a folder has that layout; looks at names only, and is quick.
    entries : the rows of a folder, in a fixed order; a text among them tells of what is not listed, and why. Raises
        ``ManifestError`` when the folder has another layout.
    options : the fields of :class:`Options` that it heeds.
    citation, licence, homepage : "" for a layout that is nobody's data set.
    download : where it can be had, the preferred place first.
    intended_use, exclusions : what a model that has learned from these films is and is not for.
    ages : the least and greatest age, in whole years, of those whose films these are; None if anybody's.
    subtypes : a sentence on what its words for the kind of a pneumonia rest on, if it has any.
    """

    name: str
    title: str
    layout: str
    recognises: Callable[[Path], bool]
    entries: Callable[[Path, Options], Iterable[Entry | str]]
    options: frozenset[str] = frozenset()
    citation: str = ""
    licence: str = ""
    homepage: str = ""
    download: tuple[Place, ...] = ()
    intended_use: str = ""
    exclusions: tuple[str, ...] = ()
    ages: tuple[float, float] | None = None
    subtypes: str = ""


Progress = Callable[[Iterable[str], int], Iterable[str]]


def listing(source: Source, root: Path, options: Options, progress: Progress | None = None) -> Listing:
    """List the films of ``root`` and take each file's digest.

    A film that cannot be opened is listed with a note and no digest.

    Raises
    ------
    ManifestError : if the folder has another layout or holds no film, or an option is not for this source.
    """
    strange = options.given() - source.options
    if strange:
        raise ManifestError(f"source '{source.name}' has no use for {', '.join(sorted(strange))}; leave it out")
    found = list(source.entries(root, options))
    entries = [one for one in found if isinstance(one, Entry)]
    notes = tuple(one for one in found if isinstance(one, str))
    if not entries:
        raise ManifestError("; ".join([f"{root}: expected films ({source.layout}), found none", *notes]))
    digests: Iterable[str] = ordered_map(_digest, (entry.path for entry in entries), usable_cores())
    if progress:
        digests = progress(digests, len(entries))
    films = tuple(_film(source.name, root, entry, digest) for entry, digest in zip(entries, digests, strict=True))
    return Listing(root, films, notes)


_CANNOT = "cannot be opened: "


def _digest(path: Path) -> str:
    """The file's SHA-256, or why there is none: one bad file must not cost the user all others."""
    try:
        return sha256_file(path)
    except OSError as error:
        return f"{_CANNOT}{error.strerror or error}"


def _film(source: str, root: Path, entry: Entry, digest: str) -> Film:
    opened = not digest.startswith(_CANNOT)
    return Film(
        path=entry.path.relative_to(root).as_posix() if entry.path.is_relative_to(root) else entry.path.as_posix(),
        digest=digest if opened else "",
        patient=entry.patient,
        label=entry.label,
        subtype=entry.subtype,
        split=entry.split,
        source=source,
        findings=entry.findings,
        view=entry.view,
        age=entry.age,
        sex=entry.sex,
        boxes=entry.boxes,
        note="; ".join(filter(None, [entry.note, "" if opened else digest])),
    )


def walk(folder: Path) -> Iterator[Path]:
    """Film files below ``folder`` to any depth, in sorted order.

    Hidden files (one published archive is full of ``._`` files) and links to folders are passed over, so that a link to
    a folder above ends no run.

    Raises
    ------
    ManifestError : if a folder may not be looked into: films silently missing would be worse.
    """

    def refuse(error: OSError) -> None:
        raise ManifestError(f"{error.filename}: the folder cannot be read ({error.strerror}); ask its owner") from error

    for here, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here, name)
            if not name.startswith(".") and is_film_name(path):
                yield path


def films_in(folder: Path) -> Iterator[Path]:
    """Film files in ``folder`` itself, in sorted order; none if there is no such folder."""
    if folder.is_dir():
        yield from (path for path in walk(folder) if path.parent == folder)


def home_of(root: Path, *names: str) -> Path | None:
    """Where one of the files ``names`` lies: ``root``, or the only folder in it, as archives often hold one."""
    folders = [path for path in root.glob("*/") if not path.name.startswith(".")]
    homes = [root, *folders] if len(folders) == 1 else [root]
    return next((home for home in homes if any((home / name).is_file() for name in names)), None)


@contextmanager
def _table(path: Path) -> Iterator[csv.DictReader[str]]:
    """A CSV with a header, separated by commas or, as some spreadsheets have it, by semicolons or tabs."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            file.seek(0)
            yield csv.DictReader(file, delimiter=max(",;\t", key=header.count))
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: expected text in UTF-8, got other bytes; save it as UTF-8") from error
    except (OSError, csv.Error) as error:
        raise ManifestError(f"{path}: cannot be read as a table: {error}") from error


def table_columns(path: Path) -> list[str]:
    """The columns of a CSV; none if it is empty.

    Raises
    ------
    ManifestError : if the file cannot be read or is not UTF-8.
    """
    with _table(path) as reader:
        return list(reader.fieldnames or [])


def has_columns(path: Path, *names: str) -> bool:
    """Whether ``path`` is a table with these columns. Quick, and raises nothing."""
    try:
        return path.is_file() and set(names) <= set(table_columns(path))
    except ManifestError:
        return False


def table_rows(path: Path, *required: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV with a header, each with its line number; rows that hold nothing are passed over.

    Raises
    ------
    ManifestError : if the file cannot be read, is not UTF-8, or lacks a required column.
    """
    with _table(path) as reader:
        missing = [name for name in required if name not in (reader.fieldnames or [])]
        if missing:
            raise ManifestError(
                f"{path}: expected the columns {', '.join(required)}; missing: {', '.join(missing)}; "
                f"it has: {', '.join(reader.fieldnames or []) or 'nothing'}"
            )
        for row in reader:
            values = {name: (value or "").strip() for name, value in row.items() if name is not None}
            if any(values.values()):
                yield reader.line_num, values


def one_each(table: Path, entries: Iterable[tuple[int, Entry]]) -> Iterator[Entry]:
    """The entries of a table's lines, each film once: a line that says the same again is passed over.

    Raises
    ------
    ManifestError : if two lines say different things of one film.
    """
    known: dict[Path, tuple[int, Entry]] = {}
    for line, entry in entries:
        before, said = known.setdefault(entry.path, (line, entry))
        if said is entry:
            yield entry
        elif said != entry:
            raise ManifestError(
                f"{table}: lines {before} and {line} say different things of {entry.path.name}; keep one of them"
            )


def by_name(paths: Iterable[Path], key: Callable[[Path], str] = attrgetter("name")) -> dict[str, Path]:
    """Films by file name, or by another ``key``, for tables that give a name without its folder.

    Raises
    ------
    ManifestError : if two files share a name, as nothing tells which is meant.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if (other := found.setdefault(key(path), path)) != path:
            raise ManifestError(
                f"two films are called {key(path)}: {other} and {path}; the table names films without their folder. "
                f"Remove one, or name them with their folders in a table of your own (source 'csv')"
            )
    return found


def told(counts: Counter[str]) -> str:
    """Counts as people say them, the largest first: ``"84 of modality CT, 3 of view L"``."""
    return ", ".join(f"{n} of {what}" for what, n in counts.most_common())


_AGE = re.compile(r"(\d+(?:\.\d*)?)\s*([YMWD]?)", re.IGNORECASE)
_YEARS = {"Y": 1.0, "": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_OLDEST = 130


def age_of(text: str) -> tuple[float | None, str]:
    """Years of an age such as "58" or, as DICOM has it (PS3.5 section 6.2, AS), "058Y" or "006M"; and what is wrong.

    >>> age_of("058Y"), age_of("006M"), age_of("")
    ((58.0, ''), (0.5, ''), (None, ''))
    >>> age_of("414")
    (None, "age '414' cannot be")
    """
    match = _AGE.fullmatch(text)
    years = round(float(match[1]) * _YEARS[match[2].upper()], 2) if match else None
    if years is not None and years <= _OLDEST:
        return years, ""
    return None, f"age {text!r} cannot be" if text else ""


def sex_of(text: str) -> str:
    """The letter F or M for a word or letter of any case that says so; "" for any other."""
    return {"F": "F", "FEMALE": "F", "M": "M", "MALE": "M"}.get(text.upper(), "")
