"""Figures of films that count once each. All figures, of films that count as often as they are drawn: ``weighted``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

Labels = NDArray[np.integer] | NDArray[np.bool_]
Scores = NDArray[np.floating]


def auc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve; NaN when a class is missing."""
    return float(metrics.roc_auc_score(labels, scores)) if len(np.unique(labels)) == 2 else float("nan")


def log_loss(labels: Labels, probabilities: Scores) -> float:
    """Mean negative log likelihood, in nats; probabilities of 0 and 1 count as the nearest number between."""
    return float(np.mean(log_losses(labels, probabilities)))


def log_losses(labels: Labels, probabilities: Scores) -> NDArray[np.float64]:
    """Each film's negative log likelihood, as ``log_loss`` takes its mean; (N,)."""
    smallest = np.finfo(np.float64).eps
    p = np.clip(np.asarray(probabilities, np.float64), smallest, 1 - smallest)
    return -np.where(np.asarray(labels) == 1, np.log(p), np.log1p(-p))


def brier(labels: Labels, probabilities: Scores) -> float:
    """Mean squared error of the probabilities."""
    return float(np.mean((np.asarray(probabilities, np.float64) - labels) ** 2))


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
        "npv": (tn, tn + fn),
    }
