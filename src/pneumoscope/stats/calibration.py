"""From a network's logit to a probability that means what it says."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Platt scaling: ``probability = 1 / (1 + exp(-(slope * logit + intercept)))``.

    A probability holds for some share of films with the finding: ``prevalence`` says for which. At another share the
    odds are to be multiplied by the ratio of the two shares' odds.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999.

    >>> Calibration(slope=1.0, intercept=0.0, prevalence=0.5).probability(np.array([0.0]))
    array([0.5])
    """

    slope: float
    intercept: float
    prevalence: Annotated[float, Meta(gt=0.0, lt=1.0)]

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.intercept)):
            raise ValueError(f"expected a finite slope above 0 and a finite intercept, got {self}")

    def log_odds(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated log-odds, of the logits' shape."""
        return self.slope * np.asarray(logits, np.float64) + self.intercept

    def probability(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated probabilities in [0, 1], of the logits' shape."""
        return 0.5 * (1.0 + np.tanh(0.5 * self.log_odds(logits)))  # the logistic function without overflow
