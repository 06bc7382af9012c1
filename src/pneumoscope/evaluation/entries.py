"""What may be compared: answers film by film, from a bundle that reads them now or a file of scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pneumoscope.bundle import PACKAGED
from pneumoscope.bundle.spec import SPEC_FILE
from pneumoscope.core import Reading, ScoresError
from pneumoscope.core.files import sha256_file
from pneumoscope.evaluation.evaluate import SCORES_FILE, Evaluation
from pneumoscope.evaluation.measures import Answers
from pneumoscope.evaluation.schema import METRICS_FILE, read_metrics
from pneumoscope.evaluation.scores import read_scores
from pneumoscope.report.text import utf8

TABLES = (".csv", ".parquet")
RUN_FILE = "run.json"
"""What tells the folder of a training run."""

_EXPECTED = (
    "a bundle (a folder, a zip file, 'default' or 'accurate'), a training run, the folder or the metrics.json of an "
    "evaluation, or a table of scores (CSV or Parquet)"
)


@dataclass(frozen=True, eq=False)
class Entry:
    """What one program answered about the first label of N films.

    ``films`` are their names, ``digests`` their SHA-256 or "".
    """

    name: str
    about: str
    films: tuple[str, ...]
    digests: tuple[str, ...]
    answers: Answers

    def __len__(self) -> int:
        return len(self.films)


def names_of(places: Sequence[str]) -> list[str]:
    """A short name for each place: of its folder or file; the whole place where that is not enough.

    Raises
    ------
    ScoresError : if a place is named twice.
    """
    twice = [place for place, times in Counter(places).items() if times > 1]
    if twice:
        raise ScoresError(f"{twice[0]}: expected each entrant once, got it {places.count(twice[0])} times")
    short = [_short(Path(place)) for place in places]
    return [utf8(place if short.count(name) > 1 else name) for name, place in zip(short, places, strict=True)]


def _short(place: Path) -> str:
    home = place.parent if place.name in {METRICS_FILE, SCORES_FILE} else place
    return home.stem if home.suffix in {".zip", *TABLES} else home.name or str(place)


def open_entry(place: str, name: str, measure: Callable[[str], Evaluation]) -> Entry:
    """The answers of what lies at ``place``; ``measure`` has a bundle, or what ships of a training run, read its films.

    Raises
    ------
    ScoresError : if nothing there can be compared, or a file of scores is unsound.
    MetricsError : if a ``metrics.json`` is.
    """
    path = Path(place)
    reads_films = any((path / file).is_file() for file in (SPEC_FILE, RUN_FILE))
    if place in PACKAGED or reads_films or path.suffix == ".zip":
        return _of_evaluation(measure(place), name)
    if path.is_dir() or path.name == METRICS_FILE:
        return _of_folder(path if path.is_dir() else path.parent, name)
    if path.suffix in TABLES and path.is_file():
        return _of_scores(path, name)
    raise ScoresError(f"{place}: expected {_EXPECTED}")


def _of_folder(folder: Path, name: str) -> Entry:
    scores, told = folder / SCORES_FILE, folder / METRICS_FILE
    measured = read_metrics(told) if told.is_file() else None
    table = measured.scores if measured else None
    if table and not (scores.is_file() and sha256_file(scores) == table.digest):
        raise ScoresError(f"{folder}: the evaluation of a table of scores; name the table itself: {table.file}")
    if not scores.is_file():
        raise ScoresError(
            f"{folder}: expected {_EXPECTED}; it has no {SCORES_FILE}, and films cannot be compared without it"
        )
    entry = _of_scores(scores, name, table.threshold if table else None)
    if measured is None or measured.bundle is None:
        return entry
    bundle = measured.bundle
    about = f"{bundle.name} {bundle.version} ({bundle.precision})"
    return replace(entry, about=f"{about}, {_rule(bundle.threshold, bundle.operating_point)}")


def _of_scores(path: Path, name: str, threshold: float | None = None) -> Entry:
    scores = read_scores(path, threshold=threshold)
    return Entry(
        name=name,
        about="the table's own decisions" if scores.threshold is None else _rule(scores.threshold),
        films=tuple(scores.films),
        digests=tuple(scores.digests),
        answers=scores.answers,
    )


def _rule(threshold: float, operating_point: str = "") -> str:
    rule = f"probability >= {threshold:.3g}"
    return f"{operating_point} ({rule})" if operating_point else rule


def _of_evaluation(evaluation: Evaluation, name: str) -> Entry:
    """The films that were read and state the first label."""
    pairs = zip(evaluation.films, evaluation.outcomes, evaluation.truth[:, 0], strict=True)
    told = [(film, outcome, said) for film, outcome, said in pairs if isinstance(outcome, Reading) and said in (0, 1)]
    if not told:
        raise ScoresError(f"{name}: expected films that state {evaluation.labels[0]}, found none")
    findings = [outcome.finding for _, outcome, _ in told]
    first, bundle = findings[0], evaluation.summary.bundle
    model = f"{bundle.name} {bundle.version} ({bundle.precision}), " if bundle else ""
    return Entry(
        name=name,
        about=model + _rule(first.threshold, first.operating_point),
        films=tuple(utf8(film.path) for film, _, _ in told),
        digests=tuple(outcome.film_digest for _, outcome, _ in told),
        answers=Answers(
            truth=np.array([said for _, _, said in told], np.int64),
            # to the digits of scores.csv: a bundle and its own evaluation must not differ, however little
            probabilities=np.array([finding.probability for finding in findings], np.float64).round(6),
            decisions=np.array([finding.positive for finding in findings], np.int64),
            patients=["/".join(film.key) for film, _, _ in told],
        ),
    )
