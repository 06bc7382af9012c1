"""Manifests on disk, and folders in a known layout that stand in for one."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from pneumoscope.core import ManifestError, MissingExtra
from pneumoscope.core.files import atomic_write
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.data import kermany

SOURCES: dict[str, ModuleType] = {kermany.NAME: kermany}
"""One line a data set; each module offers ``recognises(root)`` and ``index(root)``."""

_COLUMNS = [field.name for field in fields(Film)]


def open_manifest(path: Path) -> Manifest:
    """Read a manifest file, or index a folder in a known layout.

    Raises
    ------
    ManifestError : if the path is neither, or breaks a rule of the manifest.
    """
    if not path.is_dir():
        return read_manifest(path)
    for source in SOURCES.values():
        if source.recognises(path):
            return source.index(path)  # type: ignore[no-any-return]
    layouts = "; ".join(f"{name}: {source.LAYOUT}" for name, source in SOURCES.items())
    raise ManifestError(f"{path}: expected a manifest file or a folder in a known layout ({layouts})")


def read_manifest(path: Path) -> Manifest:
    """Read a manifest written by :func:`write_manifest`; film paths are relative to its folder.

    Raises
    ------
    ManifestError : if the file cannot be read, lacks a column, or breaks a rule.
    """
    if path.suffix == ".parquet":
        return Manifest(path.parent, tuple(_film(f"{path}, row {i}", row) for i, row in enumerate(_parquet_rows(path))))
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.DictReader(file)
            _check_columns(path, reader.fieldnames or [])
            films = tuple(_film(f"{path}, line {reader.line_num}", row) for row in reader)
    except (OSError, csv.Error) as error:
        raise ManifestError(f"{path}: cannot be read as a manifest: {error}") from error
    return Manifest(path.parent, films)


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write ``manifest`` as CSV, or as Parquet if ``path`` ends so.

    Film paths are written relative to ``path``'s folder where they lie in it, so that both can move together.

    Raises
    ------
    MissingExtra : for Parquet without pyarrow.
    """
    root, folder = manifest.root.resolve(), path.parent.resolve()
    rows = [
        asdict(film)
        | {"path": _relative(root / film.path, folder), "label": "" if film.label is None else str(film.label)}
        for film in manifest.films
    ]
    if path.suffix == ".parquet":
        pa, parquet = _pyarrow()
        with atomic_write(path, "wb") as file:
            parquet.write_table(pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in _COLUMNS])), file)
        return
    with atomic_write(path) as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _parquet_rows(path: Path) -> list[dict[str, str]]:
    pa, parquet = _pyarrow()
    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ManifestError(f"{path}: cannot be read as a manifest: {error}") from error
    _check_columns(path, table.column_names)
    rows: list[dict[str, str]] = table.to_pylist()
    return rows


def _check_columns(path: Path, found: Sequence[str]) -> None:
    missing = [name for name in _COLUMNS if name not in found]
    if missing:
        raise ManifestError(f"{path}: expected the columns {', '.join(_COLUMNS)}; missing: {', '.join(missing)}")


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("a manifest in Parquet", "evaluate") from error
    return pa, parquet


def _relative(film: Path, folder: Path) -> str:
    return film.relative_to(folder).as_posix() if film.is_relative_to(folder) else film.as_posix()


def _film(where: str, row: dict[str, str]) -> Film:
    if any(row[name] is None for name in _COLUMNS):
        raise ManifestError(f"{where}: expected {len(_COLUMNS)} fields, the row is cut short")
    label = row["label"]
    if label not in ("", "0", "1"):
        raise ManifestError(f"{where}: label: expected 1, 0 or nothing, got {label!r}")
    values = {name: row[name] for name in _COLUMNS if name != "label"}
    try:
        return Film(**values, label=int(label) if label else None)
    except ManifestError as error:
        raise ManifestError(f"{where}: {error}") from error
