"""How far a measured share of films may be from the truth; ``bootstrap`` has the intervals of any other figure."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binomtest


class Estimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure with the ends of its 95% interval."""

    value: float
    low: float
    high: float


def wilson(hits: int, total: int) -> Estimate:
    """A proportion with Wilson's score interval; NaN to [0, 1] for no cases at all.

    It holds the truth 95% of the time on average; for some true shares and sample sizes less often.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    return _proportion(hits, total, "wilson")


def wilson_by_patient(hits: NDArray[np.bool_], patients: NDArray[Any]) -> Estimate:
    """The share of films (N,) that are hits, with Wilson's score interval for the company of a bootstrap by patient.

    Where films differ, the bootstrap tells what it means that those of a patient are alike. Where all films are hits,
    or none is, every draw is the same: then patients are counted in place of films.

    >>> wilson_by_patient(np.array([True] * 6), np.array(list("aabbcc"))) == wilson(3, 3)
    True
    """
    if hits.any() and not hits.all():
        return wilson(int(hits.sum()), len(hits))
    people = len(set(patients.tolist()))
    return wilson(people if hits.any() else 0, people)


def clopper_pearson(hits: int, total: int) -> Estimate:
    """A proportion with Clopper and Pearson's exact interval; NaN to [0, 1] for no cases at all.

    It holds the truth at least 95% of the time, whatever the true share: wider than Wilson's.

    Source: Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934.
    """
    return _proportion(hits, total, "exact")


def at_least(hits: int, total: int, confidence: float = 0.95) -> float:
    """The share that the true one reaches or exceeds with this confidence: Clopper and Pearson's one-sided lower bound.

    0 for no cases at all.

    Raises
    ------
    ValueError : if ``confidence`` is not in (0, 1), or the hits are more than the cases.

    >>> round(at_least(hits=59, total=59), 3)  # the rule of three: 1 - 3 / 59
    0.95
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected more than 0 and less than 1, got {confidence}")
    if not 0 <= hits <= total:
        raise ValueError(f"hits: expected 0 to {total}, got {hits}")
    return float(beta.ppf(1 - confidence, hits, total - hits + 1)) if hits else 0.0


def _proportion(hits: int, total: int, method: str) -> Estimate:
    if total == 0:
        return Estimate(value=float("nan"), low=0.0, high=1.0)
    interval = binomtest(hits, total).proportion_ci(confidence_level=0.95, method=method)
    return Estimate(value=hits / total, low=float(interval.low), high=float(interval.high))


def widest(one: Estimate, other: Estimate) -> Estimate:
    """The same figure with the ends that are further out: the cautious choice between two methods.

    Of a method that knows no end (NaN), the other's is taken.
    """
    low, high = np.fmin(one.low, other.low), np.fmax(one.high, other.high)
    return Estimate(value=one.value, low=float(low), high=float(high))
