"""The curves that a report draws, with few enough points to be drawn and kept.

A curve of a million films is thinned along its length: what is left are points of the curve itself, no further apart
than the length of the whole divided by their number, and a step of the curve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from pneumoscope.stats.bootstrap import Measures, Weights, bootstrap
from pneumoscope.stats.intervals import Estimate, wilson
from pneumoscope.stats.metrics import Labels, Scores
from pneumoscope.stats.weighted import BINS

POINTS = 200
"""At most so many points a curve: some hundredth of the square of an ROC curve from one to the next."""

THRESHOLDS = tuple(round(k / 100, 2) for k in range(1, 100))

Numbers = tuple[float, ...]


class RocCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From (0, 0) to (1, 1); at each threshold a score counts as yes that reaches it. The first is no score at all."""

    thresholds: tuple[float | None, ...]
    false_positive_rate: Numbers
    recall: Numbers


class PrecisionRecallCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the highest threshold to the lowest, which finds everything."""

    thresholds: Numbers
    recall: Numbers
    precision: Numbers


class ReliabilityBin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Films of similar probability: from ``low`` to ``high``, their mean, and the share with the label (Wilson)."""

    low: float
    high: float
    films: int
    mean: float
    share: Estimate


class DecisionCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Net benefit of acting on the answers, and on all films; of acting on none it is 0. ``prevalence``: at which."""

    prevalence: float
    thresholds: Numbers
    net_benefit: tuple[Estimate, ...]
    treat_all: Numbers


class Curves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All curves of one label."""

    roc: RocCurve
    precision_recall: PrecisionRecallCurve
    reliability: tuple[ReliabilityBin, ...]
    reliability_filled: tuple[ReliabilityBin, ...]
    decision: DecisionCurve


def roc(labels: Labels, scores: Scores, *, points: int = POINTS) -> RocCurve:
    """The ROC curve through all its corners, or as many of its points as asked for.

    Raises
    ------
    ValueError : if a class has no film.

    >>> roc(np.array([0, 1, 1]), np.array([0.2, 0.2, 0.9])).recall
    (0.0, 0.5, 1.0)
    """
    thresholds, found, alarms = _steps(labels, scores)
    x, y = np.append(0.0, alarms) / alarms[-1], np.append(0.0, found) / found[-1]
    kept = _thinned(x, y, points)
    return RocCurve(
        thresholds=(None, *thresholds[kept[1:] - 1].tolist()),
        false_positive_rate=tuple(x[kept].tolist()),
        recall=tuple(y[kept].tolist()),
    )


def precision_recall(labels: Labels, scores: Scores, *, points: int = POINTS) -> PrecisionRecallCurve:
    """The precision-recall curve, or as many of its points as asked for; only thresholds that find more than the last.

    Raises
    ------
    ValueError : if a class has no film.
    """
    thresholds, found, alarms = _steps(labels, scores)
    new = np.flatnonzero(np.diff(found, prepend=0.0) > 0)
    recall, precision = found[new] / found[-1], found[new] / (found[new] + alarms[new])
    kept = _thinned(recall, precision, points)
    return PrecisionRecallCurve(
        thresholds=tuple(thresholds[new[kept]].tolist()),
        recall=tuple(recall[kept].tolist()),
        precision=tuple(precision[kept].tolist()),
    )


def reliability(
    labels: Labels, probabilities: Scores, *, strategy: Literal["width", "filled"] = "width"
) -> tuple[ReliabilityBin, ...]:
    """How many films of a bin have the label, beside their mean probability. Bins without films are left out.

    The bins are those of the calibration errors: ``width`` divides [0, 1] into equal parts (each with its lower end,
    the last with both), ``filled`` divides at the quantiles of the probabilities, so that each bin has about as many
    films; equal probabilities stay together.
    """
    order = np.argsort(probabilities, kind="stable")
    p, y = np.asarray(probabilities, np.float64)[order], np.asarray(labels)[order] == 1
    if strategy == "width":
        edges = np.arange(BINS + 1) / BINS
        cuts = np.searchsorted(p, edges[1:-1], side="left")
    else:
        edges = np.quantile(p, np.arange(BINS + 1) / BINS) if len(p) else np.zeros(BINS + 1)
        cuts = np.searchsorted(p, edges[1:-1], side="right")
    starts, ends = [0, *cuts.tolist()], [*cuts.tolist(), len(p)]
    return tuple(
        ReliabilityBin(
            low=float(edges[k]),
            high=float(edges[k + 1]),
            films=end - start,
            mean=float(p[start:end].mean()),
            share=wilson(int(y[start:end].sum()), end - start),
        )
        for k, (start, end) in enumerate(zip(starts, ends, strict=True))
        if end > start
    )


def net_benefit(
    labels: Labels, probabilities: Scores, thresholds: Sequence[float], *, prevalence: float | None = None
) -> Measures:
    """Net benefit at each threshold, by the threshold's text, of weighted films.

    Acting on a film whose probability reaches the threshold t finds recall * prevalence of all films rightly, and
    (1 - specificity) * (1 - prevalence) wrongly; a wrong one costs t / (1 - t) of what a right one is worth, which is
    what choosing t says. ``prevalence`` is the weighted films' own, or the one that is stated.

    Source: Vickers & Elkin, "Decision curve analysis: a novel method for evaluating prediction models", 2006.
    """
    order = np.argsort(probabilities, kind="stable")
    positive = (np.asarray(labels)[order] == 1).astype(np.float64)
    cuts = np.searchsorted(np.asarray(probabilities, np.float64)[order], thresholds, side="left")
    cost = np.array([t / (1 - t) for t in thresholds])

    def measures(weights: Weights) -> Mapping[str, float]:
        w = weights[order]
        found, films = _from(w * positive, cuts), _from(w, cuts)
        positives, alarms = float(w @ positive), films - found
        negatives = float(w.sum()) - positives
        share = positives / (positives + negatives) if prevalence is None else prevalence
        with np.errstate(invalid="ignore", divide="ignore"):  # a draw without a class has no net benefit: NaN
            benefit = share * found / positives - cost * (1 - share) * alarms / negatives
        return dict(zip(map(str, thresholds), benefit.tolist(), strict=True))

    return measures


def decision_curve(
    labels: Labels,
    probabilities: Scores,
    patients: Sequence[Any] | NDArray[Any],
    *,
    prevalence: float | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    resamples: int = 200,
    seed: int = 0,
) -> DecisionCurve:
    """Net benefit over the thresholds at which somebody would act, with intervals over resampled patients.

    Parameters
    ----------
    labels, probabilities, patients : (N,)
    prevalence : the share with the label for which the probabilities hold (a bundle's calibration says which). The
        films then count as among films of which so many have it, so that a threshold is the probability that is shown;
        without, they count as they are.

    Raises
    ------
    ValueError : if a class has no film, or a threshold or prevalence is not in (0, 1).
    """
    share = float(np.mean(np.asarray(labels) == 1)) if len(labels) else 0.0
    stated = [*thresholds] if prevalence is None else [prevalence, *thresholds]
    if not 0 < share < 1:
        raise ValueError(f"expected films of both classes, got {len(labels)} with a share of {share:g} with the label")
    if any(not 0 < x < 1 for x in stated):
        raise ValueError(f"expected prevalence and thresholds of more than 0 and less than 1, got {stated}")
    there = share if prevalence is None else prevalence
    measures = net_benefit(labels, probabilities, thresholds, prevalence=prevalence)
    found = bootstrap(measures, patients, resamples=resamples, seed=seed)
    return DecisionCurve(
        prevalence=there,
        thresholds=tuple(thresholds),
        net_benefit=tuple(_within(found[str(t)], -(1 - there) * t / (1 - t), there) for t in thresholds),
        treat_all=tuple(there - (1 - there) * t / (1 - t) for t in thresholds),
    )


def _within(estimate: Estimate, least: float, most: float) -> Estimate:
    """An interval that is not known goes from the least to the most that can be."""
    low = least if np.isnan(estimate.low) else estimate.low
    high = most if np.isnan(estimate.high) else estimate.high
    return Estimate(estimate.value, low, high)


def curves(
    labels: Labels, probabilities: Scores, patients: Sequence[Any] | NDArray[Any], prevalence: float | None = None
) -> Curves:
    """All curves of films of both classes; ``prevalence`` as of ``decision_curve``.

    Raises
    ------
    ValueError : if a class has no film.
    """
    return Curves(
        roc=roc(labels, probabilities),
        precision_recall=precision_recall(labels, probabilities),
        reliability=reliability(labels, probabilities),
        reliability_filled=reliability(labels, probabilities, strategy="filled"),
        decision=decision_curve(labels, probabilities, patients, prevalence=prevalence),
    )


def _steps(labels: Labels, scores: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Each different score from the highest on, with how many positives and negatives reach it."""
    order = np.argsort(scores, kind="stable")[::-1]
    values, positive = np.asarray(scores, np.float64)[order], np.asarray(labels)[order] == 1
    if not positive.any() or positive.all():
        raise ValueError(f"expected films of both classes, got {int(positive.sum())} of {len(values)} with the label")
    last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    found = np.cumsum(positive, dtype=np.float64)[last]
    return values[last], found, last + 1.0 - found


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64], points: int) -> NDArray[np.intp]:
    """Indices of the points to keep: those on a straight line go first, then evenly along the curve; the ends stay."""
    bends = _bends(x, y)
    if len(bends) <= points:
        return bends
    length = np.cumsum(np.abs(np.diff(x[bends], prepend=x[0])) + np.abs(np.diff(y[bends], prepend=y[0])))
    places = np.searchsorted(length, np.linspace(0, length[-1], points))
    kept: NDArray[np.intp] = bends[np.unique(np.minimum(places, len(bends) - 1))]
    return kept


def _bends(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.intp]:
    """All points but those between two others on one horizontal or vertical line."""
    flat, steep = np.diff(y) == 0, np.diff(x) == 0
    inner = ~((flat[1:] & flat[:-1]) | (steep[1:] & steep[:-1]))
    return np.flatnonzero(np.concatenate([[True], inner, [True]])) if len(x) > 1 else np.zeros(1, np.intp)


def _from(values: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """The sums from each start to the end."""
    sums = np.append(0.0, np.cumsum(values))
    rest: NDArray[np.float64] = sums[-1] - sums[starts]
    return rest
