"""Fitting a calibration on films that the network has not learned from."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pneumoscope.stats.calibration import Calibration


def fit_platt(labels: NDArray[np.integer], logits: NDArray[np.floating], prevalence: float) -> Calibration:
    """Fit slope and intercept by maximum likelihood with Platt's targets, then move to another prevalence.

    The validation films hold the finding as often as somebody happened to collect it; moving the odds from that
    share to ``prevalence`` (Elkan, "The foundations of cost-sensitive learning", 2001) says what the probability is
    about.

    The targets are (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) in place of 1 and 0, so that classes which the validation films
    separate perfectly do not give an infinite slope.

    Raises
    ------
    ValueError : if one class is missing, or higher logits do not mean the label 1.
    """
    positives = int(np.sum(labels == 1))
    negatives = int(np.sum(labels == 0))
    if not positives or not negatives:
        raise ValueError(f"expected films of both classes, got {positives} with the label 1 and {negatives} with 0")
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    x = np.asarray(logits, np.float64)

    def loss(parameters: NDArray[np.float64]) -> float:
        score = parameters[0] * x + parameters[1]
        return float(np.sum(np.logaddexp(0.0, score) - targets * score))

    def gradient(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        error = 0.5 * (1 + np.tanh(0.5 * (parameters[0] * x + parameters[1]))) - targets
        return np.array([np.sum(error * x), np.sum(error)])

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), jac=gradient, method="BFGS").x
    shift = math.log(prevalence / (1 - prevalence)) - math.log(positives / negatives)
    return Calibration(slope=float(slope), intercept=float(intercept) + shift, prevalence=prevalence)
