"""Tables of a user's own: which column says what, and what its words mean."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pneumoscope.core import ManifestError
from pneumoscope.data.sources.base import Options, table_columns, table_rows
from pneumoscope.data.sources.folder import SPLIT_WORDS, meaning, subtype_of

Row = Mapping[str, str]
"""Our column to the value."""

WHAT: Final[Mapping[str, Collection[str]]] = {"label": (), "subtype": (), "split": (), "findings": ("finding",)}
"""Columns that say what a film is, each with other names for it, as :func:`find_columns` compares them."""

PATH: Final = ("filename", "file", "image", "imagepath", "filepath")
_PLAIN: Final = {"": None, "nan": None, "unknown": None, "1": 1, "1.0": 1, "true": 1, "0": 0, "0.0": 0, "false": 0}


def find_columns(table: Path, known: Mapping[str, Collection[str]], said: Mapping[str, str]) -> dict[str, str]:
    """Our column to the table's, for those of ``known`` that it has.

    ``said`` comes first: the user's word for it, where "" means that there is none.

    Raises
    ------
    ManifestError : if the user speaks of a column that nobody has, or two columns could be meant.
    """
    has = table_columns(table)
    if strange := sorted(set(said) - set(known)):
        raise ManifestError(f"column {strange[0]!r} says nothing here; expected one of {', '.join(known)}")
    if lost := sorted(theirs for theirs in said.values() if theirs and theirs not in has):
        raise ManifestError(f"{table}: has no column {lost[0]!r}; it has: {', '.join(has) or 'nothing'}")
    found = {ours: said[ours] if ours in said else _theirs(table, has, ours, names) for ours, names in known.items()}
    return {ours: theirs for ours, theirs in found.items() if theirs}


def _theirs(table: Path, has: Sequence[str], ours: str, names: Collection[str]) -> str:
    fitting = [name for name in has if _plain(name) == _plain(ours)] or [name for name in has if _plain(name) in names]
    if len(fitting) > 1:
        raise ManifestError(f"{table}: {' and '.join(fitting)} may each be the {ours}; say --column {ours}=NAME")
    return next(iter(fitting), "")


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


def read_rows(table: Path, columns: Mapping[str, str]) -> list[tuple[int, Row]]:
    """The rows, by our names, each with its line number."""
    return [(line, {ours: row[theirs] for ours, theirs in columns.items()}) for line, row in table_rows(table)]


def what_is_stated(table: Path, rows: Sequence[tuple[int, Row]], options: Options) -> Iterator[dict[str, Any]]:
    """Label, subtype, split and findings of each row, by the names that :class:`Entry` has for them.

    Raises
    ------
    ManifestError : if a label or a split is no word that we know; each such label is named.
    """
    labels = _labels(table, Counter(row.get("label", "") for _, row in rows), options.classes)
    for line, row in rows:
        said = row.get("label", "")
        findings = [finding.strip() for finding in re.split(r"[|;]", row.get("findings", ""))]
        yield {
            "label": labels[said],
            "subtype": subtype_of(row.get("subtype", "")) if labels[said] == 1 else "",
            "split": _split(f"{table}, line {line}", row.get("split", "").lower()),
            "findings": tuple(filter(None, findings)) or ((said,) if not _meanings(said, {}) else ()),
        }


def _labels(table: Path, counts: Counter[str], classes: Mapping[str, int | None]) -> dict[str, int | None]:
    """What each stated label means."""
    known = {said: meant for said in counts for meant in _meanings(said, classes)}
    if unknown := ", ".join(f"{said!r} ({n} rows)" for said, n in counts.most_common() if said not in known):
        raise ManifestError(
            f"{table}: expected labels such as 1, 0, pneumonia or normal; got {unknown}. Say what they mean with "
            f"--class VALUE=1 (pneumonia), VALUE=0 (none) or VALUE=unknown"
        )
    if strange := ", ".join(sorted(set(classes) - set(counts))):
        raise ManifestError(f"{table}: no row has the label {strange}; it has: {', '.join(map(repr, counts))}")
    return known


def _meanings(said: str, classes: Mapping[str, int | None]) -> tuple[int | None, ...]:
    """What a label means; nothing if nobody has said. No number but 1 and 0 means anything: -1 is not 1."""
    if said in classes:
        return (classes[said],)
    if said.lower() in _PLAIN:
        return (_PLAIN[said.lower()],)
    meant = None if re.search(r"\d", said) else meaning(said, {})
    return () if meant is None else (meant,)


def _split(where: str, said: str) -> str:
    if said and said not in SPLIT_WORDS:
        raise ManifestError(
            f"{where}: split: expected one of {', '.join(SPLIT_WORDS)} or nothing, got {said!r}; "
            f"--column split= leaves the column out"
        )
    return SPLIT_WORDS.get(said, "")
