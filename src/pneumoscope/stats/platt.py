"""Fitting logistic curves on films that the network has not learned from; Platt's is the one that is fitted most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pneumoscope.stats.calibration import Calibration, log_odds


def fit_platt(labels: NDArray[np.integer], logits: NDArray[np.floating], prevalence: float) -> Calibration:
    """Fit slope and intercept by maximum likelihood with Platt's targets, then move to another prevalence.

    The validation films hold the finding as often as somebody happened to collect it; moving the odds from that
    share to ``prevalence`` (Elkan, "The foundations of cost-sensitive learning", 2001) says what the probability is
    about.

    Raises
    ------
    ValueError : if one class is missing, or higher logits do not mean the label 1.
    """
    targets = soft_targets(labels)
    x = np.asarray(logits, np.float64)
    slope, intercept = maximum_likelihood(np.column_stack([x, np.ones_like(x)]), targets, [1.0, 0.0])
    return Calibration(slope=slope, intercept=intercept + shift(labels, prevalence), prevalence=prevalence)


def soft_targets(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Platt's targets, (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) in place of 1 and 0.

    With them, classes that the films separate perfectly do not give an infinite slope.

    Raises
    ------
    ValueError : if one class is missing.
    """
    positives, negatives = int(np.sum(labels == 1)), int(np.sum(labels == 0))
    if not positives or not negatives:
        raise ValueError(f"expected films of both classes, got {positives} with the label 1 and {negatives} with 0")
    return np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def shift(labels: NDArray[np.integer], prevalence: float) -> float:
    """What moves log-odds that hold for films like these, of both classes, to another prevalence."""
    return log_odds(prevalence) - log_odds(float(np.mean(labels == 1)))


def maximum_likelihood(
    columns: NDArray[np.float64],
    targets: NDArray[np.float64],
    start: Sequence[float],
    *,
    offset: NDArray[np.float64] | float = 0.0,
    lowest: Sequence[float | None] | None = None,
) -> list[float]:
    """Weights of (N, M) ``columns`` whose sum plus ``offset`` are the likeliest log-odds of ``targets``, 0 to 1.

    ``lowest`` bounds each weight from below; None leaves it free.
    """

    def loss(weights: NDArray[np.float64]) -> float:
        score = columns @ weights + offset
        return float(np.sum(np.logaddexp(0.0, score) - targets * score))

    def gradient(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        error = 0.5 * (1 + np.tanh(0.5 * (columns @ weights + offset))) - targets
        return columns.T @ error

    options: dict[str, Any] = {"method": "BFGS"}
    if lowest is not None:
        bounds = [(low, None) for low in lowest]
        options = {"method": "L-BFGS-B", "bounds": bounds, "options": {"ftol": 1e-14, "gtol": 1e-8}}
    found = minimize(loss, np.array(start), jac=gradient, **options)
    return [float(weight) for weight in found.x]
