"""From a network's logit to a probability that means what it says."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Platt scaling: ``probability = 1 / (1 + exp(-(slope * logit + intercept)))``.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999.

    >>> Calibration(slope=1.0, intercept=0.0).probability(np.array([0.0]))
    array([0.5])
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.intercept)):
            raise ValueError(f"expected a finite slope above 0 and a finite intercept, got {self}")

    def probability(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated probabilities in [0, 1], of the logits' shape."""
        score = self.slope * np.asarray(logits, np.float64) + self.intercept
        return 0.5 * (1.0 + np.tanh(0.5 * score))  # the logistic function without overflow

    def logit(self, probability: float) -> float:
        """The network's logit that gives this probability, which must lie between 0 and 1, exclusive."""
        return (math.log(probability / (1 - probability)) - self.intercept) / self.slope
