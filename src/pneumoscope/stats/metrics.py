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


def log_losses(labels: Labels, probabilities: Scores) -> NDArray[np.float64]:
    """Each film's negative log likelihood (N,) in nats; a probability of 0 or 1 is the nearest number between."""
    smallest = np.finfo(np.float64).eps
    p = np.clip(np.asarray(probabilities, np.float64), smallest, 1 - smallest)
    return -np.where(np.asarray(labels) == 1, np.log(p), np.log1p(-p))


def confusion(labels: Labels, decisions: Labels) -> dict[str, int]:
    """Counts of true and false positives and negatives."""
    tn, fp, fn, tp = np.bincount(2 * np.asarray(labels) + np.asarray(decisions), minlength=4)
    return {"true_positive": int(tp), "false_positive": int(fp), "true_negative": int(tn), "false_negative": int(fn)}


def measured_of(labels: Labels, decisions: Labels) -> dict[str, NDArray[np.bool_]]:
    """Of which films (N,) each measure is the share of right answers, by its name."""
    truth, told = np.asarray(labels) == 1, np.asarray(decisions) == 1
    every = np.ones(len(truth), np.bool_)
    return {"accuracy": every, "recall": truth, "specificity": ~truth, "precision": told, "npv": ~told}
