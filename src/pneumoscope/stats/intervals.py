"""How far a measured figure may be from the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest


class Estimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure with the ends of its 95% interval."""

    value: float
    low: float
    high: float


def wilson(hits: int, total: int) -> Estimate:
    """A proportion with Wilson's score interval; NaN to [0, 1] for no cases at all.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if total == 0:
        return Estimate(value=float("nan"), low=0.0, high=1.0)
    interval = binomtest(hits, total).proportion_ci(confidence_level=0.95, method="wilson")
    return Estimate(value=hits / total, low=float(interval.low), high=float(interval.high))


def patient_bootstrap(
    statistic: Callable[[NDArray[np.intp]], float], patients: Sequence[str], *, resamples: int, seed: int
) -> Estimate:
    """Percentile interval of ``statistic(film indices)`` over resampled patients.

    Films of one patient are alike, so patients are drawn, not films: drawing films would give intervals too narrow.
    Resamples in which the statistic is not defined (one class missing) are left out.
    """
    groups = _films_of_each(patients)
    rng = np.random.default_rng(seed)
    values = np.array(
        [
            statistic(np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))]))
            for _ in range(resamples)
        ]
    )
    defined = values[~np.isnan(values)]
    low, high = np.quantile(defined, [0.025, 0.975]) if len(defined) else (np.nan, np.nan)
    return Estimate(value=statistic(np.arange(len(patients))), low=float(low), high=float(high))


def _films_of_each(patients: Sequence[str]) -> list[NDArray[np.intp]]:
    _, key = np.unique(np.asarray(patients), return_inverse=True)
    order = np.argsort(key, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(key[order])) + 1)


def widest(one: Estimate, other: Estimate) -> Estimate:
    """The same figure with the ends that are further out: the cautious choice between two methods."""
    return Estimate(value=one.value, low=min(one.low, other.low), high=max(one.high, other.high))
