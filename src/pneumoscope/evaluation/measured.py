"""Recall, specificity and AUC of a group of films, with intervals that know that a patient may have several.

The intervals need no resampling: dozens of groups and of altered films are measured.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.delong import newcombe_auc
from pneumoscope.stats.intervals import Estimate
from pneumoscope.stats.metrics import auc

INTERVALS: Final = (
    "95%; shares of films: Wilson's score interval of as many films as would tell as much if none shared a patient; "
    "AUC: Newcombe's fifth method with patients counted in place of films"
)
_Z: Final = float(norm.ppf(0.975))
_SMALLEST: Final = 1e-12
"""Probabilities count as at least so far from 0 and 1, where log-odds would be infinite."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What the answers to a group of films are worth; None where no film can tell."""

    films: int
    positive: int
    patients: int
    auc: Estimate | None
    recall: Estimate | None
    specificity: Estimate | None


def measured(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    decisions: NDArray[np.bool_],
    patients: Sequence[Hashable],
) -> Measured:
    """Measure N answers: the truth (1 or 0), calibrated probabilities, what was decided, and whose films they are."""
    whose, _ = numbered(patients)
    positive, negative = truth == 1, truth == 0
    return Measured(
        films=len(truth),
        positive=int(positive.sum()),
        patients=len(np.unique(whose)),
        auc=auc_by_patients(truth, probabilities, whose),
        recall=share(decisions[positive], whose[positive]) if positive.any() else None,
        specificity=share(~decisions[negative], whose[negative]) if negative.any() else None,
    )


def share(hits: NDArray[np.bool_], patients: NDArray[np.intp]) -> Estimate:
    """The share of films that are hits, with Wilson's score interval of their effective number.

    Films of one patient tell less than films of as many patients: their number is divided by the design effect, the
    variance of the share by patients over that of independent films, at least 1. Films that are all hits, or all
    misses, show no variance: then patients are counted.

    Source: Wilson, 1927; Korn and Graubard, "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", 1998.

    >>> share(np.array([True, True, False, True]), np.arange(4)).value
    0.75
    """
    p, n = float(hits.mean()), _effective(hits, patients)
    middle, half = p + _Z**2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    low, high = (middle - half) / scale, (middle + half) / scale
    return Estimate(value=p, low=low if p > 0 else 0.0, high=high if p < 1 else 1.0)


def _effective(hits: NDArray[np.bool_], patients: NDArray[np.intp]) -> float:
    p, films, people = float(hits.mean()), len(hits), len(np.unique(patients))
    if p in (0.0, 1.0) or people == 1:
        return float(people)
    independent = p * (1 - p) / (films - 1)
    return films / max(1.0, standard_error(hits.astype(np.float64), patients) ** 2 / independent)


def standard_error(values: NDArray[np.float64], patients: NDArray[np.intp]) -> float:
    """That of the mean of values that go together within a patient; NaN for a single patient.

    The root of ``G / (G - 1) * sum(z**2) / N**2`` with z the sum of each of G patients' deviations from the mean.
    """
    sums = np.bincount(np.unique(patients, return_inverse=True)[1], values - values.mean())
    people = len(sums)
    if people < 2:
        return math.nan
    return math.sqrt(people / (people - 1) * float((sums**2).sum())) / len(values)


def log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Those of calibrated probabilities, of the same shape; finite for probabilities of 0 and 1 too."""
    bounded = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    return np.log(bounded / (1 - bounded))


def mean(
    values: NDArray[np.float64], patients: NDArray[np.intp], least: float = -math.inf, most: float = math.inf
) -> Estimate:
    """The mean with its interval from Student's distribution, of values from ``least`` to ``most``.

    It has as many degrees of freedom as there are patients, less one: with the normal distribution, intervals of few
    patients are far too narrow. The films of a single patient do not tell how patients differ: the interval then goes
    from ``least`` to ``most``.
    """
    middle, people = float(values.mean()), len(np.unique(patients))
    if people < 2:
        return Estimate(value=middle, low=least, high=most)
    half = float(t.ppf(0.975, people - 1)) * standard_error(values, patients)
    return Estimate(value=middle, low=max(least, middle - half), high=min(most, middle + half))


def auc_by_patients(
    truth: NDArray[np.int64], scores: NDArray[np.float64], patients: NDArray[np.intp]
) -> Estimate | None:
    """The area under the ROC curve over films, with an interval as if each patient had one film; None for one class.

    Counting patients is cautious where they have several films. Unlike DeLong's, the interval holds its coverage in
    small groups and has a width where the classes are separated perfectly.
    """
    value = auc(truth, scores)
    if math.isnan(value):
        return None
    low, high = newcombe_auc(value, *(len(np.unique(patients[truth == label])) for label in (1, 0)))
    return Estimate(value=value, low=low, high=high)
