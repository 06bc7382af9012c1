"""What answers are worth: each label on its own, and labels that exclude each other together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pneumoscope.evaluation.schema import ChoiceMetrics, Confusion, Figure, LabelMetrics
from pneumoscope.stats.bootstrap import Measures, Progress, bootstrap
from pneumoscope.stats.curves import Curves, curves
from pneumoscope.stats.delong import delong_auc
from pneumoscope.stats.intervals import Estimate, widest, wilson_by_patient
from pneumoscope.stats.metrics import confusion, measured_of
from pneumoscope.stats.weighted import chosen, decided, scored, together

RESAMPLES = 2000
SEED = 0
METHOD = (
    f"95%; patients resampled {RESAMPLES} times (percentile, seed {SEED}); at each end the wider of that and, for "
    f"shares of films, Wilson's score interval, for the AUC, DeLong's on the scale of its log-odds"
)

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What was answered to N films about one label: the truth (0 or 1), calibrated probability, yes (1) or no (0)."""

    truth: Labels
    probabilities: Scores
    decisions: Labels
    patients: Sequence[str] | NDArray[Any]

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def both(self) -> bool:
        """Whether there are films with the label and without."""
        return bool(self.truth.any() and not self.truth.all())

    def at(self, threshold: float) -> Answers:
        """The same films, decided at another threshold."""
        decisions = (self.probabilities >= threshold).astype(np.int64)
        return Answers(self.truth, self.probabilities, decisions, self.patients)

    def curves(self, prevalence: float) -> Curves:
        """ROC, precision-recall, reliability and decision curve, of films of both classes.

        The probabilities hold where the share ``prevalence`` has the label.
        """
        return curves(self.truth, self.probabilities, self.patients, prevalence)

    def ranked(self) -> Answers:
        """The same from the lowest probability to the highest: what is in order is measured sooner."""
        order = np.argsort(self.probabilities, kind="stable")
        people = np.asarray(self.patients)[order]
        return Answers(self.truth[order], self.probabilities[order], self.decisions[order], people)


def label_measures(answers: Answers, *, progress: Progress | None = None) -> LabelMetrics:
    """Every measure of one label with its interval, and the confusion counts; no metrics for no film."""
    films = answers.ranked()
    truth, decisions = films.truth, films.decisions
    found: dict[str, Estimate] = {}
    if len(films):
        measures = together(scored(truth, films.probabilities), decided(truth, decisions))
        found = _bootstrap(measures, films.patients, progress)
        found |= _shares(found, films)
    if films.both:
        found["auc"] = _wider(delong_auc(truth, films.probabilities, films.patients), found["auc"])
    missing = _missing(truth, decisions)
    return LabelMetrics(
        films=len(films),
        metrics={name: Figure.of(estimate, missing) for name, estimate in found.items()},
        confusion=Confusion(**confusion(truth, decisions)),
    )


def decision_measures(answers: Answers) -> tuple[dict[str, Figure], Confusion]:
    """Every measure of the decisions alone with its interval, and the confusion counts; no metrics for no film."""
    truth, decisions = answers.truth, answers.decisions
    found: dict[str, Estimate] = {}
    if len(answers):
        found = _bootstrap(decided(truth, decisions), answers.patients)
        found |= _shares(found, answers)
    missing = _missing(truth, decisions)
    metrics = {name: Figure.of(estimate, missing) for name, estimate in found.items()}
    return metrics, Confusion(**confusion(truth, decisions))


def choice_measures(
    labels: Sequence[str], truth: Labels, probabilities: Scores, patients: Sequence[str], told: Labels | None = None
) -> ChoiceMetrics:
    """How often the one of K labels that is told of a film is the one that is true; no metrics for no film.

    Parameters
    ----------
    labels : their K names.
    truth : (N,) which label is true, 0 to K - 1.
    probabilities : (N, K) calibrated; the highest is that of the highest log-odds.
    told : (N,) which label was told, 0 to K - 1; by default the most probable.
    """
    kinds = len(labels)
    told = probabilities.argmax(axis=1) if told is None else told
    found: dict[str, Estimate] = {}
    if len(truth):
        found = _bootstrap(chosen(truth, probabilities, told), patients)
        found |= _as_accuracy(_wider(wilson_by_patient(told == truth, np.asarray(patients)), found["accuracy"]))
    table = np.bincount(kinds * truth + told, minlength=kinds**2).reshape(kinds, kinds)
    never = [name for name, films in zip(labels, table.sum(axis=1), strict=True) if not films]
    reason = f"no film of which {' or '.join(never)} is true" if never else "every film was answered with one label"
    return ChoiceMetrics(
        labels=tuple(labels),
        films=len(truth),
        metrics={name: Figure.of(estimate, reason) for name, estimate in found.items()},
        confusion=tuple(map(tuple, table.tolist())),
    )


def _bootstrap(
    measures: Measures, patients: Sequence[str] | NDArray[Any], progress: Progress | None = None
) -> dict[str, Estimate]:
    return bootstrap(measures, patients, resamples=RESAMPLES, seed=SEED, progress=progress)


def _shares(found: dict[str, Estimate], answers: Answers) -> dict[str, Estimate]:
    """Measures that are a share of films, with the wider of two intervals."""
    right, patients = answers.truth == answers.decisions, np.asarray(answers.patients)
    shares = {
        name: _wider(wilson_by_patient(right[films], patients[films]), found[name])
        for name, films in measured_of(answers.truth, answers.decisions).items()
        if films.any()
    }
    return shares | _as_accuracy(shares["accuracy"])


def _wider(formula: Estimate, drawn: Estimate) -> Estimate:
    """The wider at each end, where patients could be drawn."""
    return drawn if math.isnan(drawn.low) else widest(formula, drawn)


def _as_accuracy(accuracy: Estimate) -> dict[str, Estimate]:
    """The accuracy under both its names."""
    return {"accuracy": accuracy, "weighted_recall": accuracy}


def _missing(truth: Labels, decisions: Labels) -> str:
    """What these films lack for every figure to be defined."""
    facts = {
        "no film has the label": not truth.any(),
        "every film has the label": truth.all(),
        "none was answered with yes": not decisions.any(),
        "all were answered with yes": decisions.all(),
    }
    return ", ".join(fact for fact, holds in facts.items() if holds)
