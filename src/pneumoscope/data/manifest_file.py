"""Manifests on disk, and folders in a known layout that stand in for one."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from pneumoscope.core import ManifestError, MissingExtra
from pneumoscope.core.files import atomic_write
from pneumoscope.core.manifest import Box, Film, Listing, Manifest
from pneumoscope.data.sources import index

_COLUMNS = [field.name for field in fields(Film) if field.default is MISSING]
_OPTIONAL = {field.name: field.default for field in fields(Film) if field.default is not MISSING}
"""Columns that are written when a film states something there, and that a file may lack."""


def open_manifest(path: Path) -> Manifest:
    """Read a manifest file, or index a folder in a known layout, for work that must be able to trust it.

    Raises
    ------
    ManifestError : if the path is neither, or breaks a rule of the manifest.
    """
    found = open_listing(path)
    try:
        return Manifest(found.root, found.films)
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}") from error


def open_listing(path: Path) -> Listing:
    """As :func:`open_manifest`, for work that asks what is wrong with it: leaks are not refused.

    Raises
    ------
    ManifestError : if the path is neither a manifest file nor a folder in a known layout.
    """
    return index(path) if path.is_dir() else read_listing(path)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest written by :func:`write_manifest`; film paths are relative to its folder.

    Raises
    ------
    ManifestError : if the file cannot be read, lacks a column, or breaks a rule.
    """
    found = read_listing(path)
    return Manifest(found.root, found.films)


def read_listing(path: Path) -> Listing:
    """As :func:`read_manifest`, with leaks left in.

    Raises
    ------
    ManifestError : if the file cannot be read, lacks a column, or has a value of no meaning.
    """
    rows = _parquet_rows(path) if path.suffix == ".parquet" else _csv_rows(path)
    return Listing(path.parent, tuple(_film(where, row) for where, row in rows))


def write_manifest(manifest: Listing, path: Path) -> None:
    """Write ``manifest`` as CSV, or as Parquet if ``path`` ends so.

    Film paths are written relative to ``path``'s folder where they lie in it, so that both can move together.

    Raises
    ------
    MissingExtra : for Parquet without pyarrow.
    """
    root, folder = manifest.root.resolve(), path.parent.resolve()
    stated = [name for name, nothing in _OPTIONAL.items() if any(getattr(f, name) != nothing for f in manifest.films)]
    columns = [*_COLUMNS, *stated]
    rows = (_row(film, columns) | {"path": _relative(root / film.path, folder)} for film in manifest.films)
    if path.suffix == ".parquet":
        pa, parquet = _pyarrow()
        table = pa.Table.from_pylist(list(rows), pa.schema([(name, pa.string()) for name in columns]))
        with atomic_write(path, "wb") as file:
            parquet.write_table(table, file)
        return
    with atomic_write(path) as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def joined(listings: Sequence[Listing]) -> Listing:
    """The films of several listings as one, under the folder that holds all their roots.

    Raises
    ------
    ManifestError : if a film is in two of them.
    """
    if len(listings) == 1:
        return listings[0]
    root = Path(os.path.commonpath([one.root.resolve() for one in listings]))
    films = (
        replace(film, path=_relative(one.root.resolve() / film.path, root)) for one in listings for film in one.films
    )
    return Listing(root, tuple(films), tuple(note for one in listings for note in one.notes))


def _csv_rows(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.DictReader(file)
            _check_columns(path, reader.fieldnames or [])
            for row in reader:
                yield f"{path}, line {reader.line_num}", row
    except (OSError, csv.Error) as error:
        raise ManifestError(f"{path}: cannot be read as a manifest: {error}") from error


def _parquet_rows(path: Path) -> Iterable[tuple[str, Mapping[str, str]]]:
    pa, parquet = _pyarrow()
    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ManifestError(f"{path}: cannot be read as a manifest: {error}") from error
    _check_columns(path, table.column_names)
    return ((f"{path}, row {i}", row) for i, row in enumerate(table.to_pylist()))


def _check_columns(path: Path, found: Sequence[str]) -> None:
    missing = [name for name in _COLUMNS if name not in found]
    if missing:
        raise ManifestError(
            f"{path}: expected the columns {', '.join(_COLUMNS)}; missing: {', '.join(missing)}. For a table of "
            f"another kind: pneumoscope data index FOLDER --source csv --table {path.name}"
        )


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("a manifest in Parquet", "evaluate") from error
    return pa, parquet


def _relative(film: Path, folder: Path) -> str:
    return film.relative_to(folder).as_posix() if film.is_relative_to(folder) else film.as_posix()


def _row(film: Film, columns: Sequence[str]) -> dict[str, str]:
    return {name: _text(name, getattr(film, name)) for name in columns}


def _text(name: str, value: Any) -> str:
    if name == "findings":
        return ";".join(finding.replace(";", ",") for finding in value)
    if name == "boxes":
        return ";".join(" ".join(f"{number:g}" for number in box) for box in value)
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _film(where: str, row: Mapping[str, str]) -> Film:
    if any(row[name] is None for name in _COLUMNS):
        raise ManifestError(f"{where}: expected {len(_COLUMNS)} fields, the row is cut short")
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS if name != "label"}
    values |= {name: row[name] for name in _OPTIONAL if row.get(name)}
    try:
        values["label"] = _label(row["label"])
        if "findings" in values:
            values["findings"] = tuple(values["findings"].split(";"))
        if "age" in values:
            values["age"] = _number("age", values["age"])
        if "boxes" in values:
            values["boxes"] = tuple(_box(text) for text in values["boxes"].split(";"))
        return Film(**values)
    except ManifestError as error:
        raise ManifestError(f"{where}: {error}") from error


def _label(text: str) -> int | None:
    if text not in ("", "0", "1"):
        raise ManifestError(f"label: expected 1, 0 or nothing, got {text!r}")
    return int(text) if text else None


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ManifestError(f"{name}: expected a number, got {text!r}") from error


def _box(text: str) -> Box:
    numbers = [_number("boxes", word) for word in text.split()]
    if len(numbers) != len(Box._fields):
        raise ManifestError(f"boxes: expected 'left top width height' for each, got {text!r}")
    return Box(*numbers)
