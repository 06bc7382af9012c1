"""Measuring a file of scores, whoever wrote it: a row a film with its label and the probability that was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

import pneumoscope
from pneumoscope.core import ScoresError
from pneumoscope.core.files import atomic_write, sha256_file
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.evaluation.measures import METHOD, Answers, label_measures
from pneumoscope.evaluation.plots import curves
from pneumoscope.evaluation.schema import (
    CURVES_FILE,
    FORMAT,
    METRICS_FILE,
    SCHEMA_VERSION,
    Data,
    Metrics,
    ScoresFacts,
    write_metrics,
)
from pneumoscope.report.base import writing_to
from pneumoscope.stats.bootstrap import Progress

COLUMNS = ("film", "label", "probability")
OPTIONAL = ("patient", "decision", "film_sha256", "error")
THRESHOLD = 0.5
"""From this probability on a film counts as positive, where neither the file nor the caller says otherwise."""


@dataclass(frozen=True, eq=False)
class Scores:
    """The films of a file that state a label and have a probability, a row each, and the others.

    ``threshold`` is None where the decisions are the file's own.
    """

    path: Path
    rows: pa.Table
    answers: Answers
    threshold: float | None
    unreadable: Sequence[str]
    unstated: Sequence[str]
    manifest: Manifest | None = None
    split: str | None = None

    @property
    def films(self) -> list[str]:
        """The name of each film."""
        return _strings(self.rows["film"])

    @property
    def digests(self) -> list[str]:
        """The SHA-256 of each film, or ""."""
        return _strings(self.rows["film_sha256"])


def read_scores(path: Path, *, threshold: float | None = None) -> Scores:
    """Read a table (CSV or Parquet) with the columns film, label and probability, one row a film.

    ``label`` is 1 or 0; a film without one is left out. A film without a probability is left out if the column
    ``error`` says why. ``decision`` (1 or 0) holds unless a threshold is given; without it a probability of 0.5 is a
    yes. ``patient`` says whose a film is; without it, or where it is empty, a film is a patient's only one. Other
    columns are not read: the ``scores.csv`` of ``pneumoscope evaluate`` can be measured again, for its first label.

    Raises
    ------
    ScoresError : if the file cannot be read, lacks a column or has one twice, names a film twice, holds a label that is
        not 0 or 1, a probability that is not in [0, 1] or a decision that is not 0 or 1, or nothing to measure; if
        ``threshold`` is not in [0, 1].
    """
    if threshold is not None and not 0 <= threshold <= 1:  # written so that NaN fails too
        raise ScoresError(f"threshold: expected a probability from 0 to 1, got {threshold}")
    table = _table(path)
    _refuse_twice(path, table["film"])
    labels, p = _numbers(path, table, "label"), _numbers(path, table, "probability")
    failed = np.isnan(p) & _filled(table["error"])
    unstated = ~_filled(table["label"]) & ~failed
    kept = ~(failed | unstated)
    if not kept.any():
        raise ScoresError(f"{path}: expected films with a label and a probability, found none in {len(labels)} rows")
    rows, labels, p = _only(table, kept), labels[kept], p[kept]
    _refuse(path, rows, "label", ~np.isin(labels, (0, 1)), "0 or 1")
    _refuse(path, rows, "probability", ~((p >= 0) & (p <= 1)), "a number from 0 to 1")
    if threshold is None and not _filled(rows["decision"]).any():
        threshold = THRESHOLD
    decisions = _decisions(path, rows) if threshold is None else (p >= threshold).astype(np.int64)
    return Scores(
        path=path,
        rows=rows,
        answers=Answers(labels.astype(np.int64), p, decisions, _patients(rows["patient"])),
        threshold=threshold,
        unreadable=_strings(_only(table, failed)["film"]),
        unstated=_strings(_only(table, unstated)["film"]),
    )


def matched(scores: Scores, manifest: Manifest, split: str) -> Scores:
    """The scores with the patients of a manifest's split, once it is sure that both speak of the same films.

    Raises
    ------
    ScoresError : if a film is in one and not in the other, has another label or another digest.
    """
    listed = {film.path: film for film in manifest.only(split).films}
    names, where = scores.films, f"split '{split}' of {manifest.root}"

    def refuse(films: Sequence[str], what: str) -> None:
        if films:
            raise ScoresError(
                f"{scores.path} and {where}: expected the same films, got {len(films)} {what}, the first is {films[0]}"
            )

    refuse([name for name in names if name not in listed], "that the manifest does not list")
    films = [listed[name] for name in names]
    refuse(_other_labels(scores, films), "with another label")
    digests = zip(films, scores.digests, strict=True)
    refuse([film.path for film, digest in digests if digest and digest != film.digest], "with another digest")
    told = {*names, *scores.unreadable, *scores.unstated}
    refuse([f.path for f in listed.values() if f.label is not None and f.path not in told], "without a score")
    answers = replace(scores.answers, patients=["/".join(film.key) for film in films])
    return replace(scores, answers=answers, manifest=manifest, split=split)


def measure_scores(scores: Scores, *, progress: Progress | None = None) -> Metrics:
    """What the scores are worth: the same measures and intervals as of a bundle."""
    measured = label_measures(scores.answers, progress=progress)
    return Metrics(
        format=FORMAT,
        schema_version=SCHEMA_VERSION,
        scores=ScoresFacts(file=scores.path.name, digest=sha256_file(scores.path), threshold=scores.threshold),
        data=Data(
            split=scores.split,
            manifest_digest=scores.manifest.digest if scores.manifest else None,
            films=measured.films,
            positive=int(scores.answers.truth.sum()),
            patients=len(set(np.asarray(scores.answers.patients).tolist())),
            unreadable=len(scores.unreadable),
            unstated=len(scores.unstated),
        ),
        metrics=measured.metrics,
        confusion=measured.confusion,
        intervals=METHOD,
        program=f"pneumoscope {pneumoscope.__version__}",
    )


def write_scores_evaluation(metrics: Metrics, scores: Scores, folder: Path) -> tuple[str, ...]:
    """Write ``metrics.json``, and ``curves.png`` of films of both classes; the names of what was written."""
    with writing_to(folder):
        write_metrics(metrics, folder)
        if not scores.answers.both:
            return (METRICS_FILE,)
        with atomic_write(folder / CURVES_FILE, "wb") as file:
            file.write(curves({"": scores.answers}))
    return METRICS_FILE, CURVES_FILE


def _table(path: Path) -> pa.Table:
    """The columns that we know; those that are missing and not needed are null."""
    parquet = path.suffix == ".parquet"
    try:
        names = pyarrow.parquet.read_schema(path).names if parquet else _header(path)
        _check_columns(path, names)
        known = [name for name in (*COLUMNS, *OPTIONAL) if name in names]
        table = pyarrow.parquet.read_table(path, columns=known) if parquet else _csv(path, known)
        columns = {name: _plain(table[name]) for name in known}
    except (OSError, pa.ArrowException) as error:
        raise ScoresError(f"{path}: expected a table of scores (CSV or Parquet): {error}") from error
    return pa.table(columns | {name: pa.nulls(len(table), pa.string()) for name in OPTIONAL if name not in known})


def _header(path: Path) -> list[str]:
    with pyarrow.csv.open_csv(path) as file:
        names: list[str] = file.schema.names
    return names


def _check_columns(path: Path, names: list[str]) -> None:
    if absent := [name for name in COLUMNS if name not in names]:
        raise ScoresError(
            f"{path}: expected the columns {', '.join(COLUMNS)}, found no {' and no '.join(absent)} among "
            f"{', '.join(names)}"
        )
    if twice := [name for name in (*COLUMNS, *OPTIONAL) if names.count(name) > 1]:
        raise ScoresError(f"{path}: expected each column once, got {twice[0]} {names.count(twice[0])} times")


def _csv(path: Path, known: list[str]) -> pa.Table:
    """Every cell as text: what is a number and what is missing is for us to say."""
    as_text = pyarrow.csv.ConvertOptions(include_columns=known, column_types=dict.fromkeys(known, pa.string()))
    return pyarrow.csv.read_csv(path, convert_options=as_text)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers as they are, all else as text."""
    return column if _is_number(column.type) else pc.cast(column, pa.string())


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_trim_whitespace(pc.fill_null(pc.cast(column, pa.string()), ""))


def _strings(column: pa.ChunkedArray) -> list[str]:
    texts: list[str] = _text(column).to_pylist()
    return texts


def _only(table: pa.Table, rows: NDArray[np.bool_]) -> pa.Table:
    return table.filter(pa.array(rows))


def _filled(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    filled: NDArray[np.bool_] = pc.not_equal(_text(column), "").to_numpy()
    return filled


def _numbers(path: Path, table: pa.Table, name: str) -> NDArray[np.float64]:
    """The column's numbers; NaN for an empty cell."""
    column = table[name]
    if not _is_number(column.type):
        texts = _text(column)
        wrong = pc.invert(pc.match_substring_regex(texts, _NUMBER)).to_numpy()
        _refuse(path, table, name, wrong, "a number")
        column = pc.if_else(pc.equal(texts, ""), None, texts)
    values: NDArray[np.float64] = pc.cast(column, pa.float64()).to_numpy()
    return values


_NUMBER = r"(?i)^([+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|[+-]?inf)?$"
"""Or nothing. What is no number in [0, 1] is told apart later."""


def _decisions(path: Path, rows: pa.Table) -> NDArray[np.int64]:
    decisions = _numbers(path, rows, "decision")
    _refuse(path, rows, "decision", ~np.isin(decisions, (0, 1)), "0 or 1")
    return decisions.astype(np.int64)


def _patients(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """A number for each patient; a film without one has a number of its own."""
    texts = _text(column)
    numbers = np.array(pc.index_in(texts, value_set=pc.unique(texts)).to_numpy(), np.int64)
    alone = np.flatnonzero(~_filled(column))
    numbers[alone] = len(numbers) + np.arange(len(alone))
    return numbers


def _refuse_twice(path: Path, films: pa.ChunkedArray) -> None:
    names = _text(films)
    if pc.count_distinct(names).as_py() == len(names):
        return
    counts = pc.value_counts(names)
    again = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    raise ScoresError(f"{path}: expected one row a film, got {len(again)} films more than once, such as {again[0]!r}")


def _refuse(path: Path, rows: pa.Table, name: str, wrong: NDArray[np.bool_], expected: str) -> None:
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        got, film = rows[name][first].as_py(), rows["film"][first].as_py()
        raise ScoresError(
            f"{path}: {name}: expected {expected}, got something else for {int(wrong.sum())} films, the first is "
            f"{film!r} with {got!r}"
        )


def _other_labels(scores: Scores, films: list[Film]) -> list[str]:
    pairs = zip(films, scores.answers.truth.tolist(), strict=True)
    return [film.path for film, label in pairs if film.label is not None and film.label != label]
