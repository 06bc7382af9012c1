"""Reading the films of a split with a bundle, and measuring the answers."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pneumoscope
from pneumoscope.bundle import BundleSpec
from pneumoscope.bundle.spec import Label
from pneumoscope.core import Failure, Finding, ManifestError, Outcome, Radiograph, Reading
from pneumoscope.core.files import atomic_write
from pneumoscope.core.manifest import Film, Manifest
from pneumoscope.core.parallel import ordered_map, reading_threads
from pneumoscope.data import prepare
from pneumoscope.data.targets import one_each, targets, with_targets
from pneumoscope.evaluation.closer import CloserLook
from pneumoscope.evaluation.details import at_points, elsewhere, recall_by_subtype, sureness, uncalibrated
from pneumoscope.evaluation.measures import METHOD, Answers, choice_measures, label_measures
from pneumoscope.evaluation.plots import curves
from pneumoscope.evaluation.population import cautions
from pneumoscope.evaluation.refusals import refusals
from pneumoscope.evaluation.reporting import report_of
from pneumoscope.evaluation.schema import (
    CURVES_FILE,
    FORMAT,
    METRICS_FILE,
    PAGES,
    SCHEMA_VERSION,
    BundleFacts,
    ChoiceMetrics,
    Data,
    Metrics,
    SecondAnswer,
    Sureness,
    write_metrics,
)
from pneumoscope.predict import Predictor
from pneumoscope.report.base import writing_to
from pneumoscope.report.evaluation import write_evaluation_page, write_evaluation_pdf
from pneumoscope.report.text import utf8
from pneumoscope.stats.curves import Curves

Progress = Callable[[Iterable[Outcome], int], Iterable[Outcome]]
SCORES_FILE = "scores.csv"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Outcomes film by film, in the manifest's order, and what they add up to (the content of ``metrics.json``).

    ``labels`` are the bundle's K; ``truth`` is (N, K): 1 yes, 0 no, NaN not stated. ``spec`` is the bundle's, ``root``
    what the films' paths are relative to.
    """

    films: tuple[Film, ...]
    outcomes: tuple[Outcome, ...]
    labels: tuple[str, ...]
    truth: NDArray[np.float32]
    summary: Metrics
    spec: BundleSpec
    root: Path


@dataclass(frozen=True, eq=False)
class _Read:
    """The N films that could be read, and their truth (N, K)."""

    films: list[Film]
    readings: list[Reading]
    truth: NDArray[np.float32]

    @classmethod
    def of(cls, films: Sequence[Film], outcomes: Sequence[Outcome], truth: NDArray[np.float32]) -> _Read:
        kept = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, Reading)]
        readings = [outcome for outcome in outcomes if isinstance(outcome, Reading)]
        return cls([films[i] for i in kept], readings, truth[kept])

    def subtypes(self, k: int) -> list[str]:
        """What kind of case each film is, of those that state label ``k``."""
        return [self.films[i].subtype for i in self._stating(k)]

    def sure(self, k: int) -> list[bool | None]:
        """Whether the bundle is sure of its answer to each film that states label ``k``."""
        return [self.readings[i].findings[k].sure for i in self._stating(k)]

    def read_as(self, k: int) -> list[Reading]:
        """The readings of the films that state label ``k``."""
        return [self.readings[i] for i in self._stating(k)]

    def about(self, k: int) -> Answers:
        """The answers about label ``k``, where it is stated."""
        known = self._stating(k)
        findings = [self.readings[i].findings[k] for i in known]
        return Answers(
            truth=self.truth[known, k].astype(np.int64),
            probabilities=np.array([finding.probability for finding in findings], np.float64),
            decisions=np.array([finding.positive for finding in findings], np.int64),
            patients=["/".join(self.films[i].key) for i in known],
        )

    def _stating(self, k: int) -> NDArray[np.intp]:
        return np.flatnonzero(~np.isnan(self.truth[:, k]))


def evaluate(
    predictor: Predictor,
    manifest: Manifest,
    split: str,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    cache: Path | None = None,
    outside: str = "",
) -> Evaluation:
    """Read the films of ``split`` that state a label, and measure the answers at the predictor's operating point.

    Films that the predictor would refuse are answered all the same, and counted: see
    :mod:`pneumoscope.evaluation.refusals`.

    Each label is measured on the films that state it, one that is asked only where the first is true on those with the
    first, whatever the first answer; of labels that exclude each other, one that is not stated counts as no where
    another is true. Films that cannot be read stay out of the measures and are counted. With ``cache``, the
    films prepared there (at the network's size, in 8 bits) are read in place of the files, and prepared first if need
    be: without their headers, so that only the picture is a reason to refuse one. ``outside`` says who is on the films,
    if they are not those for whom the bundle is meant.

    Raises
    ------
    ManifestError : if the split has no film that states a label, or none that can be read.
    FilmError : with ``cache``, if a film cannot be read.
    """
    spec, predictor = predictor.bundle.spec, predictor.forcing().asking_all()
    labels = tuple(label.name for label in spec.labels)
    chosen = with_targets(manifest.only(split), labels, spec.given)
    if not chosen.films:
        raise _nothing_to_measure(manifest, split, labels)
    truth = targets(chosen.films, labels, exclusive=spec.exclusive, given=spec.given)
    answers = _prepared(predictor, chosen, cache, jobs) if cache else _files(predictor, chosen, jobs)
    outcomes = tuple(progress(answers, len(chosen)) if progress else answers)
    read = _Read.of(chosen.films, outcomes, truth)
    if not read.films:
        raise _nothing_to_measure(manifest, split, labels)
    _refuse_changed(manifest, read)
    about = {name: read.about(k) for k, name in enumerate(labels)}
    each = {name: label_measures(answers) for name, answers in about.items() if name not in spec.given}
    first = about[labels[0]]
    summary = Metrics(
        format=FORMAT,
        schema_version=SCHEMA_VERSION,
        bundle=_about(predictor),
        data=_data(manifest, split, read, len(outcomes) - len(read.films), prepared=cache is not None),
        metrics=each[labels[0]].metrics,
        confusion=each[labels[0]].confusion,
        labels=each if len(each) > 1 else None,
        argmax=_argmax(read, labels) if spec.exclusive else None,
        second=tuple(_second(read, k, label) for k, label in enumerate(spec.labels) if label.given) or None,
        curves=_curves(about, spec.labels) or None,
        points=at_points(first, spec.operating_points),
        sureness=_sureness(read, 0, spec.labels[0]),
        refusals=refusals(first, read.read_as(0)) if spec.gated else None,
        uncalibrated=uncalibrated(first, spec.labels[0].calibration),
        subtypes=recall_by_subtype(first, read.subtypes(0)) or None,
        prevalence=elsewhere(first) or None,
        cautions=cautions(spec, read.films, outside=outside),
        intervals=METHOD,
        program=f"pneumoscope {pneumoscope.__version__}",
    )
    return Evaluation(chosen.films, outcomes, labels, truth, summary, spec, manifest.root)


def _nothing_to_measure(manifest: Manifest, split: str, labels: Sequence[str]) -> ManifestError:
    return ManifestError(
        f"{manifest.root}: expected labelled films in split '{split}' that can be read, found none; the bundle tells "
        f"{', '.join(labels)}"
    )


def _refuse_changed(manifest: Manifest, read: _Read) -> None:
    pairs = zip(read.films, read.readings, strict=True)
    changed = [film.path for film, reading in pairs if film.digest != reading.film_digest]
    if changed:
        raise ManifestError(
            f"{manifest.root}: {len(changed)} films have changed since the manifest was made, the first is "
            f"{changed[0]}; index the folder again"
        )


def _files(predictor: Predictor, films: Manifest, jobs: int | None) -> Iterable[Outcome]:
    paths = [films.root / film.path for film in films.films]
    return predictor.read_many(paths, lambda outcome, _: outcome, heatmap=False, jobs=jobs)


def _prepared(predictor: Predictor, films: Manifest, cache: Path, jobs: int | None) -> Iterable[Outcome]:
    spec = predictor.bundle.spec.preprocessing
    seen = prepare(films, spec, cache)
    plain = seen if spec == spec.plain else prepare(films, spec.plain, cache)

    def answer(i: int) -> Outcome:
        film = films.films[i]
        grey, shown = (np.divide(part, np.float32(255), dtype=np.float32) for part in (plain[i, 0], seen[i]))
        radiograph = Radiograph(pixels=grey, digest=film.digest, full_size=spec.size, container="prepared")
        return predictor.read_prepared(radiograph, shown, name=str(films.root / film.path))

    return ordered_map(answer, range(len(films)), jobs or reading_threads())


def write_evaluation(
    evaluation: Evaluation, folder: Path, closer: CloserLook | None = None, *, command: str = ""
) -> tuple[str, ...]:
    """Write ``report.html`` and ``report.pdf``, and the files of :func:`write_figures`; the names of what was written.

    ``command`` is what gives the same again.
    """
    metrics = closer.added_to(evaluation.summary) if closer else evaluation.summary
    written = write_figures(replace(evaluation, summary=metrics), folder)
    content = report_of(metrics, evaluation.spec, root=evaluation.root, closer=closer, command=command)
    page, pdf = (folder / name for name in PAGES)
    write_evaluation_page(content, page)
    write_evaluation_pdf(content, pdf)
    return *PAGES, *written


def write_figures(evaluation: Evaluation, folder: Path) -> tuple[str, ...]:
    """Write ``metrics.json``, ``scores.csv`` (a row a film), and ``curves.png`` of labels with both classes.

    Returns the names of what was written.
    """
    with writing_to(folder), atomic_write(folder / SCORES_FILE) as file:
        csv.writer(file).writerows(_score_rows(evaluation))
    with writing_to(folder):
        write_metrics(evaluation.summary, folder)
    read = _Read.of(evaluation.films, evaluation.outcomes, evaluation.truth)
    each = {label: answers for k, label in enumerate(evaluation.labels) if (answers := read.about(k)).both}
    if not each:
        return METRICS_FILE, SCORES_FILE
    with writing_to(folder), atomic_write(folder / CURVES_FILE, "wb") as file:
        file.write(curves(each))
    return METRICS_FILE, SCORES_FILE, CURVES_FILE


def _about(predictor: Predictor) -> BundleFacts:
    spec, point = predictor.bundle.spec, predictor.operating_point
    return BundleFacts(
        name=spec.name,
        version=spec.version,
        digest=predictor.bundle.digest,
        precision=spec.graph.precision,
        operating_point=point.name,
        threshold=point.threshold,
    )


def _data(manifest: Manifest, split: str, read: _Read, unreadable: int, *, prepared: bool) -> Data:
    return Data(
        sources=tuple(sorted({film.source for film in read.films})),
        split=split,
        manifest_digest=manifest.digest,
        films=len(read.films),
        positive=int((read.truth[:, 0] == 1).sum()),
        patients=len({film.key for film in read.films}),
        unreadable=unreadable,
        read_from="prepared films, 8 bits, without their headers" if prepared else "",
    )


def _curves(about: Mapping[str, Answers], labels: Iterable[Label]) -> dict[str, Curves]:
    """Of each label with films of both classes."""
    return {
        label.name: about[label.name].curves(label.calibration.prevalence) for label in labels if about[label.name].both
    }


def _sureness(read: _Read, k: int, label: Label) -> Sureness | None:
    return sureness(read.about(k), read.sure(k), label.certainty.error_rate) if label.certainty else None


def _argmax(read: _Read, labels: Sequence[str]) -> ChoiceMetrics:
    """Of the films of which exactly one label is true."""
    told = np.flatnonzero(one_each(read.truth))
    probabilities = [[finding.probability for finding in read.readings[i].findings] for i in told]
    return choice_measures(
        labels,
        read.truth[told].argmax(axis=1),
        np.array(probabilities, np.float64).reshape(len(told), len(labels)),
        ["/".join(read.films[i].key) for i in told],
    )


def _second(read: _Read, k: int, label: Label) -> SecondAnswer:
    """Label ``k``, which is asked only where the first is true, by itself and after the first."""
    answers = read.about(k)
    measured = label_measures(answers)
    return SecondAnswer(
        label=label.name,
        given=label.given or "",
        otherwise=label.no,
        threshold=read.readings[0].findings[k].threshold,
        films=measured.films,
        metrics=measured.metrics,
        confusion=measured.confusion,
        sureness=_sureness(read, k, label),
        whole=_whole(read, k, label),
    )


def _whole(read: _Read, k: int, label: Label) -> ChoiceMetrics:
    """What both answers tell, of films without the first label, and of those with it that state label ``k``."""
    first, second = read.truth[:, 0], read.truth[:, k]
    stated = np.flatnonzero((first == 0) | ~np.isnan(second))
    findings = [(read.readings[i].findings[0], read.readings[i].findings[k]) for i in stated]
    p, q = np.array([[one.probability, two.probability] for one, two in findings], np.float64).reshape(-1, 2).T
    return choice_measures(
        (f"no {label.given}", label.name, label.no),
        np.where(first[stated] == 0, 0, np.where(second[stated] == 1, 1, 2)),
        np.stack([1 - p, p * q, p * (1 - q)], axis=1),
        ["/".join(read.films[i].key) for i in stated],
        np.array([0 if not one.positive else 1 if two.positive else 2 for one, two in findings], np.int64),
    )


def _score_rows(evaluation: Evaluation) -> Iterator[list[Any]]:
    several = len({film.source for film in evaluation.films}) > 1
    first = ["film", "patient", "subtype", "label", "probability", "decision", "flags", "film_sha256", "error"]
    further = [f"{utf8(name)}_{what}" for name in evaluation.labels[1:] for what in _FURTHER]
    gated = evaluation.spec.gated
    yield first + further + (["abstention"] if gated else [])
    for film, outcome, truth in zip(evaluation.films, evaluation.outcomes, evaluation.truth, strict=True):
        patient = "/".join(film.key) if several else film.patient  # as in the measures: two sources may share a name
        about = [utf8(film.path), utf8(patient), film.subtype, _said(truth[0])]
        if isinstance(outcome, Failure):
            others = [cell for said in truth[1:] for cell in (_said(said), "", "")]
            yield [*about, "", "", "", film.digest, utf8(outcome.error), *others, *([""] if gated else [])]
        else:
            others = [cell for k, f in enumerate(outcome.findings[1:], 1) for cell in (_said(truth[k]), *_answer(f))]
            flags = ";".join(flag.code for flag in outcome.flags)
            reasons = [";".join(reason.code for reason in outcome.abstention)] if gated else []
            yield [*about, *_answer(outcome.finding), flags, outcome.film_digest, "", *others, *reasons]


_FURTHER = ("label", "probability", "decision")
"""Columns for each label after the first."""


def _said(truth: np.float32) -> str | int:
    return "" if np.isnan(truth) else int(truth)


def _answer(finding: Finding) -> tuple[str, int]:
    return f"{finding.probability:.6f}", int(finding.positive)
