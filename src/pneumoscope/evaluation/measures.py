"""What answers are worth: each label on its own, and labels that exclude each other together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pneumoscope.stats.intervals import Estimate, patient_bootstrap, widest, wilson
from pneumoscope.stats.metrics import SCORED, auc, confusion, f1, proportions

RESAMPLES = 2000
SEED = 0
METHOD = (
    f"95%; patients resampled {RESAMPLES} times (percentile, seed {SEED}); for shares of films the wider of that and "
    f"Wilson's score interval at each end"
)

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What was answered to N films about one label: the truth (0 or 1), calibrated probability, yes (1) or no (0)."""

    truth: Labels
    probabilities: Scores
    decisions: Labels
    patients: Sequence[str]

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def both(self) -> bool:
        """Whether there are films with the label and without."""
        return len(np.unique(self.truth)) == 2


def label_measures(answers: Answers) -> dict[str, Any]:
    """``metrics`` with intervals, and ``confusion``; no metrics for no film."""
    truth, decisions = answers.truth, answers.decisions

    def bootstrap(measure: Callable[[Labels, NDArray[Any]], float], scores: NDArray[Any]) -> Estimate:
        return _bootstrap(lambda films: measure(truth[films], scores[films]), answers.patients)

    metrics: dict[str, Estimate] = {}
    if len(answers):
        metrics = {name: bootstrap(measure, answers.probabilities) for name, measure in SCORED.items()}
        for name, (hits, total) in proportions(truth, decisions).items():
            metrics[name] = widest(wilson(hits, total), bootstrap(partial(_share, name), decisions))
        metrics["f1"] = bootstrap(f1, decisions)
    return {"metrics": metrics, "confusion": confusion(truth, decisions)}


def argmax_measures(truth: Labels, probabilities: Scores, patients: Sequence[str]) -> dict[str, Any]:
    """How often the most probable of K labels is the one that is true of a film; no metrics for no film.

    Parameters
    ----------
    truth : (N,) which label is true, 0 to K - 1.
    probabilities : (N, K) calibrated; the highest is that of the highest log-odds.

    Returns
    -------
    ``confusion``, a row for each true label and a column for each answer; and ``metrics`` with intervals: ``accuracy``,
    and ``macro_auc``, the mean over the labels of the AUC of one against the others, each with the same weight.
    """
    chosen, kinds = probabilities.argmax(axis=1), probabilities.shape[1]
    right = chosen == truth

    def macro_auc(films: NDArray[np.intp]) -> float:
        return float(
            np.mean([auc((truth[films] == k).astype(np.int64), probabilities[films, k]) for k in range(kinds)])
        )

    metrics: dict[str, Estimate] = {}
    if len(truth):
        accuracy = _bootstrap(lambda films: float(right[films].mean()), patients)
        metrics["accuracy"] = widest(wilson(int(right.sum()), len(truth)), accuracy)
        metrics["macro_auc"] = _bootstrap(macro_auc, patients)
    table = np.bincount(kinds * truth + chosen, minlength=kinds**2).reshape(kinds, kinds)
    return {"metrics": metrics, "confusion": table.tolist()}


def _bootstrap(statistic: Callable[[NDArray[np.intp]], float], patients: Sequence[str]) -> Estimate:
    return patient_bootstrap(statistic, patients, resamples=RESAMPLES, seed=SEED)


def _share(name: str, labels: Labels, decisions: Labels) -> float:
    hits, total = proportions(labels, decisions)[name]
    return hits / total if total else float("nan")
