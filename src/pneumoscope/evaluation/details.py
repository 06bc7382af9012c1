"""What follows from the answers to a label alone: other operating points, kinds of cases, other prevalences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from pneumoscope.bundle import OperatingPoint
from pneumoscope.evaluation.measured import share
from pneumoscope.evaluation.measures import RESAMPLES, SEED, Answers, decision_measures, label_measures
from pneumoscope.evaluation.schema import (
    AtPrevalence,
    Figure,
    PointMetrics,
    SubtypeRecall,
    Sureness,
    Uncalibrated,
)
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.calibration import Calibration
from pneumoscope.stats.curves import reliability
from pneumoscope.stats.prevalence import at_prevalences

PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.5)
_MOVED = ("log_loss", "brier", "calibration_error", "calibration_error_filled")
"""Measures that calibration changes: the order of the films stays, and with it the areas under the curves."""
_SMALLEST = 1e-15


def at_points(answers: Answers, points: Iterable[OperatingPoint]) -> tuple[PointMetrics, ...]:
    """What the answers would be worth at each of a bundle's operating points."""
    return tuple(_at_point(answers, point) for point in points)


def _at_point(answers: Answers, point: OperatingPoint) -> PointMetrics:
    metrics, counts = decision_measures(answers.at(point.threshold))
    return PointMetrics(name=point.name, threshold=point.threshold, rule=point.rule, metrics=metrics, confusion=counts)


def sureness(answers: Answers, sure: Sequence[bool | None], error_rate: float) -> Sureness:
    """How often answers were sure, and wrongly so; ``sure`` (N,) as the readings' findings say."""
    certain = np.array(sure, np.bool_)
    patients, _ = numbered(answers.patients)
    wrong = certain & (answers.decisions != answers.truth)

    def figure(hits: NDArray[np.bool_], films: NDArray[np.bool_]) -> Figure:
        if not films.any():
            return Figure(value=None, low=None, high=None, reason="no such film")
        return Figure.of(share(hits[films], patients[films]), "")

    return Sureness(
        error_rate=error_rate,
        sure=figure(certain, np.ones(len(answers), np.bool_)),
        missed=figure(wrong, answers.truth == 1),
        alarms=figure(wrong, answers.truth == 0),
    )


def uncalibrated(answers: Answers, calibration: Calibration) -> Uncalibrated | None:
    """The same answers before calibration; None unless films of both classes show what it does."""
    if not answers.both:
        return None
    p = np.clip(answers.probabilities, _SMALLEST, 1 - _SMALLEST)
    own = expit(calibration.logits(logit(p)))
    metrics = label_measures(replace(answers, probabilities=own)).metrics
    return Uncalibrated(
        metrics={name: metrics[name] for name in _MOVED},
        reliability_filled=reliability(answers.truth, own, strategy="filled"),
    )


def recall_by_subtype(answers: Answers, subtypes: Sequence[str]) -> tuple[SubtypeRecall, ...]:
    """How many films of each kind of case are found; ``subtypes`` (N,) are "" where none is stated."""
    return tuple(_recalls(answers, np.asarray(subtypes, np.str_)))


def _recalls(answers: Answers, subtypes: np.ndarray[tuple[int], np.dtype[np.str_]]) -> Iterator[SubtypeRecall]:
    patients, _ = numbered(answers.patients)
    for subtype in sorted(set(subtypes[answers.truth == 1]) - {""}):
        films = (answers.truth == 1) & (subtypes == subtype)
        found = answers.decisions[films] == 1
        recall = Figure.of(share(found, patients[films]), "")
        yield SubtypeRecall(subtype=str(subtype), films=len(found), found=int(found.sum()), recall=recall)


def elsewhere(answers: Answers) -> tuple[AtPrevalence, ...]:
    """What an answer is worth at other prevalences; nothing if a class has no film."""
    if not answers.both:
        return ()
    found = at_prevalences(
        answers.truth, answers.decisions, answers.patients, PREVALENCES, resamples=RESAMPLES, seed=SEED
    )
    return tuple(
        AtPrevalence(
            prevalence=one.prevalence,
            ppv=Figure.of(one.ppv, "none was answered with yes"),
            npv=Figure.of(one.npv, "all were answered with yes"),
        )
        for one in found
    )
