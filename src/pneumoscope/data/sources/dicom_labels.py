"""Labels of DICOM films from a table that names films, studies or patients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pneumoscope.core import ManifestError
from pneumoscope.data.sources.base import Options, table_columns
from pneumoscope.data.sources.headers import Header
from pneumoscope.data.sources.labels import PATH, WHAT, find_columns, read_rows, what_is_stated

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "path": PATH,
    "sop_instance_uid": (),
    "accession_number": (),
    "study_instance_uid": (),
    "patient_id": (),
}
"""What a row of the table may name its films by; the first that the table has is taken."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A film of the folder: ``path`` is relative to it, ``patient`` the key that it is listed under."""

    path: Path
    header: Header
    patient: str


def labels_of(films: Sequence[Kept], table: Path, options: Options) -> tuple[list[dict[str, Any]], list[str]]:
    """What ``table`` states of each film, by the names that ``Entry`` has for it, and what is told of the rest.

    Raises
    ------
    ManifestError : if a column is missing, two rows contradict each other, or nothing tells which film a row means.
    """
    key, rows = _rows(table, options)
    names = [next((name for name in _names(film, key) if name in rows), None) for film in films]
    meant: dict[str, list[Kept]] = defaultdict(list)
    for film, name in zip(films, names, strict=True):
        if name is not None:
            meant[name].append(film)
    for name, several in meant.items():
        _refuse_ambiguous(f"{table}, line {rows[name][0]}", key, several)
    left = {
        f"rows of {table.name} name no film that is listed": len(rows) - len(meant),
        f"films are not in {table.name} and have no label": names.count(None),
    }
    stated = [{"label": None} if name is None else rows[name][1] for name in names]
    return stated, [f"{n} {what}" for what, n in left.items() if n]


def _rows(table: Path, options: Options) -> tuple[str, dict[str, tuple[int, dict[str, Any]]]]:
    """By what the table names its films; and for each name its line and what it states."""
    columns = find_columns(table, {**_KEYS, **WHAT}, options.columns)
    key = next((key for key in _KEYS if key in columns), None)
    if key is None or "label" not in columns:
        raise ManifestError(
            f"{table}: expected the column label and one of {', '.join(_KEYS)}; it has: "
            f"{', '.join(table_columns(table)) or 'nothing'}. Say --column label=NAME if one is called otherwise"
        )
    lines = read_rows(table, columns)
    rows: dict[str, tuple[int, dict[str, Any]]] = {}
    for (line, row), what in zip(lines, what_is_stated(table, lines, options), strict=True):
        name = Path(row[key]).as_posix() if key == "path" else row[key]
        before, said = rows.setdefault(name, (line, what))
        if said != what:
            raise ManifestError(f"{table}: lines {before} and {line} contradict each other about one {key}")
    return key, rows


def _names(film: Kept, key: str) -> tuple[str, ...]:
    """What a row may call a film, the surest first."""
    if key == "path":
        return film.path.as_posix(), film.path.name
    return tuple(filter(None, [getattr(film.header, key)]))


def _refuse_ambiguous(where: str, key: str, films: Sequence[Kept]) -> None:
    """A path means one film, an identifier means films of one patient; the identifier itself is not repeated here."""
    if len(films if key == "path" else {film.patient for film in films}) > 1:
        which = " and ".join(film.path.as_posix() for film in films[:2])
        raise ManifestError(
            f"{where}: its {key} is that of several films or patients ({which}); name films by their path or "
            f"sop_instance_uid"
        )
