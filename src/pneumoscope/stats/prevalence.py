"""What an answer is worth where the finding is rarer, or more common, than among the films that were measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from pneumoscope.stats.bootstrap import percentiles, replicates
from pneumoscope.stats.intervals import Estimate, widest
from pneumoscope.stats.metrics import Labels, confusion
from pneumoscope.stats.weighted import decided

_Z = float(norm.ppf(0.975))


class PredictiveValues(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the films answered with yes, the share with the finding (ppv); of those with no, the share without (npv).

    The value is NaN where no film was answered so.
    """

    prevalence: float
    ppv: Estimate
    npv: Estimate


def at_prevalences(
    labels: Labels,
    decisions: Labels,
    patients: Sequence[Any] | NDArray[Any],
    prevalences: Sequence[float],
    *,
    resamples: int,
    seed: int,
) -> Iterator[PredictiveValues]:
    """Predictive values at each prevalence; the intervals are the wider of ``predictive_values``' and a bootstrap's.

    Parameters
    ----------
    labels, decisions, patients : (N,) what is true of a film, what was answered (1 or 0), and whose it is.

    Raises
    ------
    ValueError : as ``predictive_values``.
    """
    counts = confusion(labels, decisions)
    drawn = replicates(decided(labels, decisions), patients, resamples=resamples, seed=seed)
    recall, specificity = drawn["recall"], drawn["specificity"]
    for prevalence in prevalences:
        found = predictive_values(**counts, prevalence=prevalence)
        rare = 1 - prevalence
        ppv = _shares(prevalence * recall, rare * (1 - specificity))
        npv = _shares(rare * specificity, prevalence * (1 - recall))
        yield PredictiveValues(
            prevalence=prevalence,
            ppv=widest(found.ppv, Estimate(found.ppv.value, *percentiles(ppv))),
            npv=widest(found.npv, Estimate(found.npv.value, *percentiles(npv))),
        )


def predictive_values(
    true_positive: int, false_negative: int, true_negative: int, false_positive: int, *, prevalence: float
) -> PredictiveValues:
    """Predictive values at a stated prevalence, from the sensitivity and specificity that the counts give.

    Bayes' rule; the intervals are normal on the scale of the log-odds and stay in [0, 1]. Where a count is 0 the
    standard error would be infinite: two films are then added to each count for the interval, whose ends still hold
    the figure. The prevalence counts as known. Films count as independent.

    Source: Mercaldo, Lau & Zhou, "Confidence intervals for predictive values with an emphasis to case-control
    studies", Statistics in Medicine 26, 2007, the standard and the adjusted logit interval.

    Raises
    ------
    ValueError : if the prevalence is not in (0, 1), or there are no films with the finding or none without.

    >>> values = predictive_values(90, 10, 80, 20, prevalence=0.1)
    >>> round(values.ppv.value, 4), round(values.npv.value, 4)  # 0.09 / 0.27 and 0.72 / 0.73
    (0.3333, 0.9863)
    """
    positives, negatives = true_positive + false_negative, true_negative + false_positive
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence: expected more than 0 and less than 1, got {prevalence}")
    if not (positives and negatives):
        raise ValueError(f"expected films with the finding and without, got {positives} and {negatives}")
    counts = [true_positive, false_negative, true_negative, false_positive]
    smoothed = counts if all(counts) else [count + _Z**2 / 2 for count in counts]
    tp, fn, tn, fp = smoothed
    odds = logit(prevalence)
    return PredictiveValues(
        prevalence=prevalence,
        ppv=_estimate(
            prevalence * true_positive / positives,
            (1 - prevalence) * false_positive / negatives,
            centre=odds + math.log(tp / (tp + fn)) - math.log(fp / (fp + tn)),
            variance=1 / tp - 1 / (tp + fn) + 1 / fp - 1 / (fp + tn),
        ),
        npv=_estimate(
            (1 - prevalence) * true_negative / negatives,
            prevalence * false_negative / positives,
            centre=-odds + math.log(tn / (tn + fp)) - math.log(fn / (fn + tp)),
            variance=1 / tn - 1 / (tn + fp) + 1 / fn - 1 / (fn + tp),
        ),
    )


def _shares(right: ArrayLike, wrong: ArrayLike) -> NDArray[np.float64]:
    """NaN of nothing, or of what is not known."""
    with np.errstate(invalid="ignore"):
        return np.divide(right, np.add(right, wrong), dtype=np.float64)


def _estimate(right: float, wrong: float, *, centre: float, variance: float) -> Estimate:
    value = float(_shares(right, wrong))
    reach = _Z * math.sqrt(variance)
    low, high = float(expit(centre - reach)), float(expit(centre + reach))
    return Estimate(value, min(low, value), max(high, value))
