"""What a set of probabilities is worth, in the field's own measures.

Those that bootstrapping calls thousands of times are a line of NumPy each; the tests hold all of them against
scikit-learn and torchmetrics.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

Labels = NDArray[np.integer]
Scores = NDArray[np.floating]


def auc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve; NaN when a class is missing."""
    return float(metrics.roc_auc_score(labels, scores)) if len(np.unique(labels)) == 2 else float("nan")


def log_loss(labels: Labels, probabilities: Scores) -> float:
    """Mean negative log likelihood, in nats; probabilities of 0 and 1 count as the nearest number between."""
    smallest = np.finfo(np.float64).eps
    p = np.clip(np.asarray(probabilities, np.float64), smallest, 1 - smallest)
    return float(-np.mean(np.where(labels == 1, np.log(p), np.log1p(-p))))


def brier(labels: Labels, probabilities: Scores) -> float:
    """Mean squared error of the probabilities."""
    return float(np.mean((np.asarray(probabilities, np.float64) - labels) ** 2))


def f1(labels: Labels, decisions: Labels) -> float:
    """Harmonic mean of precision and recall; 0 when there is nothing to find and nothing is found."""
    c = confusion(labels, decisions)
    wrong, right = c["false_positive"] + c["false_negative"], 2 * c["true_positive"]
    return right / (right + wrong) if right + wrong else 0.0


def confusion(labels: Labels, decisions: Labels) -> dict[str, int]:
    """Counts of true and false positives and negatives."""
    tn, fp, fn, tp = np.bincount(2 * np.asarray(labels) + np.asarray(decisions), minlength=4)
    return {"true_positive": int(tp), "false_positive": int(fp), "true_negative": int(tn), "false_negative": int(fn)}


def proportions(labels: Labels, decisions: Labels) -> dict[str, tuple[int, int]]:
    """The measures that are a share of films, as (hits, of how many)."""
    c = confusion(labels, decisions)
    tp, fp, tn, fn = c["true_positive"], c["false_positive"], c["true_negative"], c["false_negative"]
    return {
        "accuracy": (tp + tn, tp + fp + tn + fn),
        "recall": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "precision": (tp, tp + fp),
    }


SCORED: dict[str, Callable[[Labels, Scores], float]] = {"auc": auc, "log_loss": log_loss, "brier": brier}
"""Measures of the probabilities themselves, whatever the threshold."""
