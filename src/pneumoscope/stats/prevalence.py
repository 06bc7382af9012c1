"""What an answer is worth where the finding is rarer, or more common, than among the films that were measured."""

from __future__ import annotations

import math

import msgspec
from scipy.special import expit, logit
from scipy.stats import norm

from pneumoscope.stats.intervals import Estimate

_Z = float(norm.ppf(0.975))


class PredictiveValues(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the films answered with yes, the share with the finding (ppv); of those with no, the share without (npv)."""

    prevalence: float
    ppv: Estimate
    npv: Estimate


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
            _share(prevalence * true_positive / positives, (1 - prevalence) * false_positive / negatives),
            centre=odds + math.log(tp / (tp + fn)) - math.log(fp / (fp + tn)),
            variance=1 / tp - 1 / (tp + fn) + 1 / fp - 1 / (fp + tn),
        ),
        npv=_estimate(
            _share((1 - prevalence) * true_negative / negatives, prevalence * false_negative / positives),
            centre=-odds + math.log(tn / (tn + fp)) - math.log(fn / (fn + tp)),
            variance=1 / tn - 1 / (tn + fp) + 1 / fn - 1 / (fn + tp),
        ),
    )


def _share(right: float, wrong: float) -> float:
    return right / (right + wrong) if right + wrong else math.nan


def _estimate(value: float, *, centre: float, variance: float) -> Estimate:
    reach = _Z * math.sqrt(variance)
    low, high = float(expit(centre - reach)), float(expit(centre + reach))
    return Estimate(value, min(low, value), max(high, value))
