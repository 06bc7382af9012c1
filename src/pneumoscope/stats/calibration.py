"""From a network's logit to a probability that means what it says."""

from __future__ import annotations

import math
from typing import Annotated, Self

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

Knot = tuple[float, float]
"""A logit, and what is put in its place."""
_STEPS = 40
"""Of Newton's method: each doubles the digits that are right."""


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``probability = 1 / (1 + exp(-log_odds))``, with one strictly increasing curve for every family of calibrations.

    ======================  ===========================================================================================
    temperature, Platt      ``log_odds = slope * logit + intercept``
    beta                    ``log_odds = slope * logit + bend * log(1 + exp(logit)) + intercept``: the slope goes from
                            ``slope`` for the lowest logits to ``slope + bend`` for the highest
    isotonic                ``log_odds = slope * m(logit) + intercept``, where ``m`` joins the ``knots`` by straight
                            lines and goes on beyond the outermost two
    ======================  ===========================================================================================

    As the curve increases strictly, films keep their order and no two films become alike, whatever the family.

    A probability holds for some share of films with the finding: ``prevalence`` says for which. At another share the
    odds are to be multiplied by the ratio of the two shares' odds.

    Sources: Platt, "Probabilistic outputs for support vector machines", 1999. Guo et al., "On calibration of modern
    neural networks", ICML 2017 (temperature). Kull, Silva Filho, Flach, "Beta calibration", AISTATS 2017: its
    ``a * log(p) - b * log(1 - p) + c`` of ``p = 1 / (1 + exp(-logit))`` is the above with slope ``a``, bend ``b - a``
    and intercept ``c``. Zadrozny, Elkan, "Transforming classifier scores into accurate multiclass probability
    estimates", KDD 2002 (isotonic).

    >>> Calibration(slope=1.0, intercept=0.0, prevalence=0.5).probability(np.array([0.0]))
    array([0.5])

    Raises
    ------
    ValueError : if the curve would not increase everywhere, or a number is not finite.
    """

    slope: float
    intercept: float
    prevalence: Annotated[float, Meta(gt=0.0, lt=1.0)]
    bend: float = 0.0
    knots: tuple[Knot, ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.intercept)):
            raise ValueError(f"expected a finite slope above 0 and a finite intercept, got {self}")
        if not (math.isfinite(self.bend) and self.slope + self.bend > 0):
            raise ValueError(f"expected a finite bend above -slope, got {self}")
        if self.knots and self.bend:
            raise ValueError("expected a bend or knots, got both")
        rises = np.diff(np.array(self.knots, np.float64).reshape(-1, 2), axis=0)
        if len(self.knots) == 1 or not (np.isfinite(rises) & (rises > 0)).all():
            raise ValueError("knots: expected two or more, each higher than the one before in both numbers")

    @property
    def family(self) -> str:
        """The kind of curve: ``platt`` (which temperature is a case of), ``beta`` or ``isotonic``."""
        return "isotonic" if self.knots else "beta" if self.bend else "platt"

    def log_odds(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated log-odds, of the logits' shape."""
        x = np.asarray(logits, np.float64)
        straight = self.slope * (_joined(x, self.knots) if self.knots else x)
        return straight + (self.bend * _softplus(x) if self.bend else 0.0) + self.intercept

    def probability(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated probabilities in [0, 1], of the logits' shape."""
        return 0.5 * (1.0 + np.tanh(0.5 * self.log_odds(logits)))  # the logistic function without overflow

    def logits(self, log_odds: NDArray[np.floating]) -> NDArray[np.float64]:
        """The logits that these calibrated log-odds come from, of their shape: the inverse of ``log_odds``."""
        straight = (np.asarray(log_odds, np.float64) - self.intercept) / self.slope
        if self.knots:
            return _joined(straight, tuple((value, at) for at, value in self.knots))
        return _unbent(straight, self.bend / self.slope) if self.bend else straight

    def then(self, slope: float, intercept: float) -> Self:
        """The calibration whose log-odds are ``slope`` times these plus ``intercept``."""
        return msgspec.structs.replace(
            self, slope=slope * self.slope, bend=slope * self.bend, intercept=slope * self.intercept + intercept
        )


def log_odds(share: float) -> float:
    """The log-odds of a probability or share, which must lie between 0 and 1.

    >>> log_odds(0.5)
    0.0
    """
    return math.log(share / (1 - share))


def _softplus(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """``log(1 + exp(x))`` without overflow, and without a warning of a logit that is no number."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _unbent(y: NDArray[np.float64], bend: float) -> NDArray[np.float64]:
    """The x of ``y = x + bend * log(1 + exp(x))``, by Newton's method.

    The curve bends one way only, and y lies on that side of x from which no step goes past it.
    """
    x = y
    for _ in range(_STEPS):
        share = 0.5 * (1.0 + np.tanh(0.5 * x))
        x = x - (x + bend * _softplus(x) - y) / (1 + bend * share)
    return x


def _joined(x: NDArray[np.float64], knots: tuple[Knot, ...]) -> NDArray[np.float64]:
    """``x`` through the straight lines between the knots, of which the outermost go on without end."""
    at, values = np.array(knots, np.float64).T
    below = values[0] + (x - at[0]) * (values[1] - values[0]) / (at[1] - at[0])
    above = values[-1] + (x - at[-1]) * (values[-1] - values[-2]) / (at[-1] - at[-2])
    joined: NDArray[np.float64] = np.where(x < at[0], below, np.where(x > at[-1], above, np.interp(x, at, values)))
    return joined
