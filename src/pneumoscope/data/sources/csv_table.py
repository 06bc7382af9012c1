"""Films named by any table: a row a film, with its path, its label, and whatever else the table states.

Columns are known by name, whatever their case and punctuation ("Patient ID" is ``patient_id``), or as the user says.
Paths are relative to the folder that is indexed. Findings are split at ``|`` and ``;``.

Known faults
    Without a column for the patient, or a pattern that finds one in the path, each film counts as a patient of its own.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pneumoscope.core import ManifestError
from pneumoscope.data.sources.base import Entry, Options, Source, age_of, one_each, sex_of, table_columns
from pneumoscope.data.sources.folder import patient_of
from pneumoscope.data.sources.labels import PATH, WHAT, Row, find_columns, read_rows, what_is_stated

_KNOWN: Final[Mapping[str, Collection[str]]] = {
    "path": PATH,
    "patient": ("patientid", "subjectid"),
    "view": ("viewposition",),
    "age": ("patientage",),
    "sex": ("gender", "patientsex", "patientgender"),
    **WHAT,
}


def _recognises(root: Path) -> bool:
    """A single table with a path and a label, unless it is a manifest of our own, of which the films are another's."""
    try:
        columns = find_columns(table := _table(root, Options()), _KNOWN, {})
        return {"path", "label"} <= columns.keys() and "digest" not in table_columns(table)
    except ManifestError:
        return False


def _table(root: Path, options: Options) -> Path:
    found = [options.table] if options.table else sorted(root.glob("*.[cC][sS][vV]"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.name for path in found) or "none"
    raise ManifestError(f"{root}: expected one table (*.csv), found {names}; name it with --table")


def _entries(root: Path, options: Options) -> Iterator[Entry]:
    table = _table(root, options)
    columns = find_columns(table, _KNOWN, options.columns)
    for ours in ("path", "label"):
        if ours not in columns and (ours == "path" or ours not in options.columns):
            has = ", ".join(table_columns(table)) or "nothing"
            raise ManifestError(f"{table}: which column is the {ours}? Say --column {ours}=NAME; it has: {has}")
    rows = read_rows(table, columns)
    if blank := next((line for line, row in rows if not row["path"]), None):
        raise ManifestError(f"{table}, line {blank}: expected the path of a film, got none")
    stated = what_is_stated(table, rows, options)
    lines = ((line, _entry(root, row, what, options)) for (line, row), what in zip(rows, stated, strict=True))
    entries = list(one_each(table, lines))
    if entries and not any(entry.path.exists() for entry in entries):
        first = rows[0][1]["path"]
        raise ManifestError(f"{table}: none of its films is there; expected paths relative to {root}, got {first}")
    yield from entries


def _entry(root: Path, row: Row, what: dict[str, Any], options: Options) -> Entry:
    path = Path(os.path.normpath(root / row["path"]))
    if "\\" in row["path"] and not path.exists():  # a table made under Windows
        path = Path(os.path.normpath(root / row["path"].replace("\\", "/")))
    within = path.relative_to(root) if path.is_relative_to(root) else path
    by_path = options.patient_pattern is not None or not row.get("patient")
    age, note = age_of(row.get("age", ""))
    return Entry(
        path=path,
        patient=patient_of(within, options.patient_pattern) if by_path else row["patient"],
        view=row.get("view", "").upper(),
        age=age,
        sex=sex_of(row.get("sex", "")),
        note=note,
        **what,
    )


SOURCE = Source(
    name="csv",
    title="Any table of films",
    layout="one table (*.csv) with a path and a label for each film; --column and --class say what is called otherwise",
    recognises=_recognises,
    entries=_entries,
    options=frozenset({"table", "columns", "classes", "patient_pattern"}),
)
