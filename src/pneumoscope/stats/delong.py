"""The area under the ROC curve without resampling: its variance, its interval, and two programs on the same films.

Source: DeLong, DeLong & Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
characteristic curves: a nonparametric approach", Biometrics 44, 1988; by ranks as in Sun & Xu, "Fast implementation of
DeLong's algorithm", IEEE Signal Processing Letters 21, 2014.

Films count as independent. With several films a patient, the patient bootstrap is the honest interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.intervals import Estimate
from pneumoscope.stats.paired import PairedTest

_Z = float(norm.ppf(0.975))


class AucEstimate(Estimate, frozen=True, forbid_unknown_fields=True):
    """An area under the ROC curve with the ends of its 95% interval and DeLong's variance."""

    variance: float


def delong_covariance(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas under the ROC curves of M programs on the same N films, (M,), and their covariance (M, M).

    Parameters
    ----------
    labels : (N,) 1 or 0.
    scores : (M, N) or, for one program, (N,); higher means more probably 1. Ties count half.

    Raises
    ------
    ValueError : if a class has no film, shapes do not match, or a score is not a number. With a single film of a class
        the covariance is NaN.

    >>> areas, covariance = delong_covariance([1, 1, 1, 0, 0], [3, 2, 1, 2, 0])
    >>> areas.round(4), covariance.round(4)
    (array([0.75]), array([[0.0833]]))
    """
    positives, negatives = _by_class(labels, scores)
    m, n = positives.shape[1], negatives.shape[1]
    ranks = rankdata(np.concatenate([positives, negatives], axis=1), axis=1)
    below = (ranks[:, :m] - rankdata(positives, axis=1)) / n  # for each positive: the share of negatives it exceeds
    above = 1 - (ranks[:, m:] - rankdata(negatives, axis=1)) / m
    return below.mean(axis=1), _covariance(below) / m + _covariance(above) / n


def delong_auc(
    labels: ArrayLike, scores: ArrayLike, patients: Sequence[Any] | NDArray[Any] | None = None
) -> AucEstimate:
    """Area under the ROC curve with a 95% interval that stays in [0, 1]: normal on the scale of its log-odds.

    Where DeLong's variance is 0 or not defined (an area of exactly 1 or 0, all scores alike, a single film of a class)
    it says nothing, and the interval is that of Newcombe's method 5, which takes the variance at the interval's own
    ends. It counts patients where they are told: a bootstrap by patient cannot make up for counting films there, as
    all its draws are alike.

    Sources: Pepe, "The statistical evaluation of medical tests for classification and prediction", 2003, section 5.2;
    Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2", 2006.

    Parameters
    ----------
    labels, scores : as of ``delong_covariance``, for one program.
    patients : (N,) whose each film is.

    Raises
    ------
    ValueError : as ``delong_covariance``.
    """
    areas, covariance = delong_covariance(labels, np.atleast_2d(np.asarray(scores, np.float64)))
    area, variance = float(areas[0]), float(covariance[0, 0])
    if 0 < area < 1 and variance > 0:
        reach = _Z * math.sqrt(variance) / (area * (1 - area))
        low, high = expit(logit(area) - reach), expit(logit(area) + reach)
    else:
        truth = np.asarray(labels)
        whose = np.arange(len(truth)) if patients is None else numbered(patients)[0]
        low, high = newcombe_auc(area, *(len(np.unique(whose[truth == label])) for label in (1, 0)))
    return AucEstimate(area, float(low), float(high), variance)


def delong_test(labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike) -> PairedTest:
    """How much larger the first program's area is, with DeLong's test for two areas on the same films.

    The p-value and the interval are NaN for areas that differ without variance, as of two programs that make no error
    and only errors.

    Parameters
    ----------
    labels : (N,) 1 or 0.
    scores_a, scores_b : (N,) higher means more probably 1; the two may be on different scales.

    Raises
    ------
    ValueError : as ``delong_covariance``.
    """
    (a, b), covariance = delong_covariance(labels, np.stack([np.asarray(scores_a), np.asarray(scores_b)]))
    difference = float(a - b)
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if variance > 1e-15:  # what rounding leaves of equal variances
        error = math.sqrt(variance)
        ends, p = (difference - _Z * error, difference + _Z * error), float(2 * norm.sf(abs(difference) / error))
    else:
        ends, p = ((0.0, 0.0), 1.0) if abs(difference) < 1e-12 else ((math.nan, math.nan), math.nan)
    return PairedTest(difference, *ends, p=p)


def newcombe_auc(area: float, positives: int, negatives: int) -> tuple[float, float]:
    """95% interval of an area from the numbers of cases alone, Newcombe's method 5; holds at 0 and 1 too."""

    def reach(true: float) -> float:
        """How far the measured area may be from a true one: Hanley & McNeil's variance with both classes' mean size."""
        others = (positives + negatives) / 2 - 1
        spread = 1 + others * ((1 - true) / (2 - true) + true / (1 + true))
        return _Z * math.sqrt(true * (1 - true) * spread / (positives * negatives))

    low = 0.0 if area == 0 else brentq(lambda true: area - true - reach(true), 0.0, area - 1e-12)
    high = 1.0 if area == 1 else brentq(lambda true: true - area - reach(true), area + 1e-12, 1.0)
    return float(low), float(high)


def _by_class(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    truth, values = np.asarray(labels), np.atleast_2d(np.asarray(scores, np.float64))
    if truth.ndim != 1 or values.ndim != 2 or values.shape[1] != len(truth):
        raise ValueError(f"expected labels (N,) and scores (M, N), got {truth.shape} and {values.shape}")
    if np.isnan(values).any():
        raise ValueError(f"scores: expected numbers, got {int(np.isnan(values).any(axis=0).sum())} films with NaN")
    positive, negative = truth == 1, truth == 0
    if not (positive.any() and negative.any() and (positive | negative).all()):
        raise ValueError(
            f"labels: expected 0 and 1, films of both, got {int(positive.sum())} films with 1, {int(negative.sum())} "
            f"with 0 and {int((~positive & ~negative).sum())} with something else"
        )
    return values[:, positive], values[:, negative]


def _covariance(parts: NDArray[Any]) -> NDArray[np.float64]:
    """Of the rows, (M, M); NaN for a single column."""
    if parts.shape[1] < 2:
        return np.full((len(parts), len(parts)), np.nan)
    return np.atleast_2d(np.cov(parts))
