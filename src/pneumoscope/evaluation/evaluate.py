"""Reading the films of a split with a bundle, and measuring the answers."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

import pneumoscope
from pneumoscope.core import Failure, ManifestError, Outcome, Radiograph, Reading
from pneumoscope.core.files import atomic_write
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.core.parallel import ordered_map, usable_cores
from pneumoscope.data import prepare
from pneumoscope.evaluation.plots import curves
from pneumoscope.predict import Predictor
from pneumoscope.report.base import writing_to
from pneumoscope.report.text import utf8
from pneumoscope.stats.intervals import Estimate, patient_bootstrap, widest, wilson
from pneumoscope.stats.metrics import SCORED, confusion, f1, proportions

RESAMPLES = 2000
SEED = 0
METHOD = (
    f"95%; patients resampled {RESAMPLES} times (percentile, seed {SEED}); for shares of films the wider of that and "
    f"Wilson's score interval at each end"
)

_Measure = Callable[[NDArray[np.int64], NDArray[Any]], float]
Progress = Callable[[Iterable[Outcome], int], Iterable[Outcome]]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Outcomes film by film, in the manifest's order, and what they add up to (the content of ``metrics.json``)."""

    films: tuple[Film, ...]
    outcomes: tuple[Outcome, ...]
    summary: dict[str, Any]


def evaluate(
    predictor: Predictor,
    manifest: Manifest,
    split: str,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    cache: Path | None = None,
) -> Evaluation:
    """Read the labelled films of ``split`` and measure the answers at the predictor's operating point.

    Films that cannot be read stay out of the measures and are counted. With ``cache``, the films prepared there (at the
    network's size, in 8 bits) are read in place of the files, and prepared first if need be.

    Raises
    ------
    ManifestError : if the split has no labelled film, or none that can be read.
    FilmError : with ``cache``, if a film cannot be read.
    """
    chosen = manifest.only(split).labelled()
    answers = _prepared(predictor, chosen, cache, jobs) if cache else _files(predictor, chosen, jobs)
    outcomes = tuple(progress(answers, len(chosen)) if progress else answers)
    read = [(film, answer) for film, answer in zip(chosen.films, outcomes, strict=True) if isinstance(answer, Reading)]
    changed = [film.path for film, reading in read if film.digest != reading.film_digest]
    if changed:
        raise ManifestError(
            f"{manifest.root}: {len(changed)} films have changed since the manifest was made, the first is "
            f"{changed[0]}; index the folder again"
        )
    if not read:
        raise ManifestError(f"{manifest.root}: expected labelled films in split '{split}' that can be read, found none")
    summary = {
        "bundle": _about(predictor),
        "data": _data(manifest, split, [film for film, _ in read], len(outcomes) - len(read))
        | ({"read_from": "prepared films, 8 bits"} if cache else {}),
        **_measures([film for film, _ in read], [reading for _, reading in read]),
        "intervals": METHOD,
        "program": f"pneumoscope {pneumoscope.__version__}",
    }
    return Evaluation(chosen.films, outcomes, summary)


def _files(predictor: Predictor, films: Manifest, jobs: int | None) -> Iterable[Outcome]:
    paths = [films.root / film.path for film in films.films]
    return predictor.read_many(paths, lambda outcome, _: outcome, heatmap=False, jobs=jobs)


def _prepared(predictor: Predictor, films: Manifest, cache: Path, jobs: int | None) -> Iterable[Outcome]:
    spec = predictor.bundle.spec.preprocessing
    pixels = prepare(films, spec, cache).pixels

    def answer(i: int) -> Outcome:
        film = films.films[i]
        grey = np.divide(pixels[i], np.float32(255), dtype=np.float32)
        radiograph = Radiograph(pixels=grey, digest=film.digest, full_size=spec.size, container="prepared")
        return predictor.read_film(radiograph, name=str(films.root / film.path), heatmap=False)

    return ordered_map(answer, range(len(films)), jobs or usable_cores())


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write ``metrics.json``, ``scores.csv`` (a row a film) and, if both classes are there, ``curves.png``."""
    with writing_to(folder), atomic_write(folder / "scores.csv") as file:
        csv.writer(file).writerows(_score_rows(evaluation))
    with writing_to(folder), atomic_write(folder / "metrics.json", "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(evaluation.summary)) + b"\n")
    labels, probabilities = _labels_and_probabilities(evaluation)
    if len(np.unique(labels)) == 2:
        with writing_to(folder), atomic_write(folder / "curves.png", "wb") as file:
            file.write(curves(labels, probabilities, evaluation.summary["bundle"]["threshold"]))


def _labels_and_probabilities(evaluation: Evaluation) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    pairs = [
        (film.label, outcome.finding.probability)
        for film, outcome in zip(evaluation.films, evaluation.outcomes, strict=True)
        if isinstance(outcome, Reading)
    ]
    return np.array([label for label, _ in pairs], np.int64), np.array([p for _, p in pairs])


def _about(predictor: Predictor) -> dict[str, Any]:
    spec, point = predictor.bundle.spec, predictor.operating_point
    return {
        "name": spec.name,
        "version": spec.version,
        "digest": predictor.bundle.digest,
        "precision": spec.graph.precision,
        "operating_point": point.name,
        "threshold": point.threshold,
    }


def _data(manifest: Manifest, split: str, films: list[Film], unreadable: int) -> dict[str, Any]:
    return {
        "sources": sorted({film.source for film in films}),
        "split": split,
        "manifest_digest": manifest.digest,
        "films": len(films),
        "positive": sum(film.label == 1 for film in films),
        "patients": len({film.patient for film in films}),
        "unreadable": unreadable,
    }


def _measures(films: list[Film], readings: list[Reading]) -> dict[str, Any]:
    labels = np.array([film.label for film in films], np.int64)
    probabilities = np.array([reading.finding.probability for reading in readings])
    decisions = np.array([reading.finding.positive for reading in readings], np.int64)
    patients = [film.patient for film in films]

    def bootstrap(measure: _Measure, scores: NDArray[Any]) -> Estimate:
        return patient_bootstrap(
            lambda films: measure(labels[films], scores[films]), patients, resamples=RESAMPLES, seed=SEED
        )

    metrics = {name: bootstrap(measure, probabilities) for name, measure in SCORED.items()}
    for name, (hits, total) in proportions(labels, decisions).items():
        metrics[name] = widest(wilson(hits, total), bootstrap(partial(_share, name), decisions))
    metrics["f1"] = bootstrap(f1, decisions)
    return {"metrics": metrics, "confusion": confusion(labels, decisions)}


def _share(name: str, labels: NDArray[np.int64], decisions: NDArray[np.int64]) -> float:
    hits, total = proportions(labels, decisions)[name]
    return hits / total if total else float("nan")


def _score_rows(evaluation: Evaluation) -> Iterator[list[Any]]:
    yield ["film", "patient", "subtype", "label", "probability", "decision", "flags", "film_sha256", "error"]
    for film, outcome in zip(evaluation.films, evaluation.outcomes, strict=True):
        about = [utf8(film.path), utf8(film.patient), film.subtype, film.label]
        if isinstance(outcome, Failure):
            yield [*about, "", "", "", film.digest, utf8(outcome.error)]
        else:
            finding = outcome.finding
            flags = ";".join(flag.code for flag in outcome.flags)
            yield [*about, f"{finding.probability:.6f}", int(finding.positive), flags, outcome.film_digest, ""]
