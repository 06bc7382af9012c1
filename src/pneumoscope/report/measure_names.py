"""What the measures of ``metrics.json`` are called, and their order."""

from __future__ import annotations

from collections.abc import Iterable

DECIDED = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "recall": "Recall (sensitivity)",
    "specificity": "Specificity",
    "precision": "Precision (PPV)",
    "npv": "Negative predictive value (NPV)",
    "f1": "F1",
    "mcc": "Matthews correlation (MCC)",
    "weighted_recall": "Weighted recall (the accuracy again)",
}
"""Measures of decisions, in the order that they are told in."""
SCORED = {
    "auc": "AUC (area under the ROC curve)",
    "average_precision": "Average precision",
    "log_loss": "Log loss (lower is better)",
    "brier": "Brier score (lower is better)",
    "calibration_error": "Calibration error (lower is better)",
    "calibration_error_filled": "Calibration error, equally filled bins (lower is better)",
}
"""Measures of the probabilities themselves."""


def name_of(measure: str) -> str:
    """The words for a measure; plain ones for one that has none of its own.

    >>> name_of("auc"), name_of("macro_auc")
    ('AUC (area under the ROC curve)', 'macro auc')
    """
    return (DECIDED | SCORED).get(measure) or measure.replace("_", " ")


def ordered(measures: Iterable[str]) -> list[str]:
    """Those that have words first, in the order of these."""
    known = list(DECIDED | SCORED)
    return sorted(measures, key=lambda name: known.index(name) if name in known else len(known))
