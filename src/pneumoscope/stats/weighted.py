"""Figures of films that count as often as they are drawn, ready for ``bootstrap``.

Each function here takes the answers once, sorts what has to be sorted, and gives back a function of the films' weights
(N,). Weights are whole numbers, how many times a film counts; a film of weight 2 is the film twice. Only the equally
filled calibration error depends on their being whole: the others take any weights above 0, as scikit-learn does.

A figure that is not defined (a class without films, nothing found) is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pneumoscope.stats.bootstrap import Measures, Weights
from pneumoscope.stats.metrics import Labels, Scores, log_losses

BINS = 10
"""Into so many bins the calibration errors divide the films."""

Table = list[list[float]]


def together(*measures: Measures) -> Measures:
    """One function for the figures of several."""

    def all_of_them(weights: Weights) -> Mapping[str, float]:
        return {name: value for each in measures for name, value in each(weights).items()}

    return all_of_them


def ranked(labels: Labels, scores: Scores) -> Measures:
    """How well scores of any scale put films with the label above those without: ``auc`` and ``average_precision``.

    The areas under the ROC curve (ties count half) and under the precision-recall curve (in steps, not trapezoids, as
    scikit-learn's ``average_precision_score``).
    """
    films = _Ranked(labels, scores)

    def measures(weights: Weights) -> Mapping[str, float]:
        w = films.sorted(weights)
        return films.areas(w, _sums(w))

    return measures


def scored(labels: Labels, probabilities: Scores) -> Measures:
    """What probabilities are worth, whatever the threshold: ``ranked``, and how far they are from the truth.

    ``log_loss`` in nats; ``brier``, the mean squared error; and two calibration errors, the mean over the films of how
    far a bin's mean probability is from its share of positives: ``calibration_error`` with ten bins of equal width
    (each with its lower end, the last with both), and ``calibration_error_filled`` with ten bins between the deciles.

    Source: Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015.
    """
    films = _Ranked(labels, probabilities)
    p = films.scores
    excess = p - films.positive
    losses = {"log_loss": log_losses(films.positive == 1, p), "brier": excess**2}
    wide = [0, *np.searchsorted(p, np.arange(1, BINS) / BINS).tolist(), len(p)]

    def measures(weights: Weights) -> Mapping[str, float]:
        w = films.sorted(weights)
        below = _sums(w)
        return {
            **films.areas(w, below),
            **{name: _ratio(float(w @ loss), float(below[-1])) for name, loss in losses.items()},
            "calibration_error": _binned_error(w, excess, wide),
            "calibration_error_filled": _binned_error(w, excess, _deciles(p, below)),
        }

    return measures


def decided(labels: Labels, decisions: Labels) -> Measures:
    """What yes-or-no answers are worth.

    ``accuracy``; ``recall`` (sensitivity), ``specificity``, ``precision`` (positive predictive value), ``npv``
    (negative predictive value); ``f1``, the harmonic mean of precision and recall; ``mcc``, Matthews' correlation;
    ``balanced_accuracy``, the mean of recall and specificity; ``weighted_recall``, their mean weighted by how many
    films each is of, which is the accuracy again under the name that others report it by.
    """
    table = _table(labels, decisions, 2)

    def measures(weights: Weights) -> Mapping[str, float]:
        counts = table(weights)
        (tn, fp), (fn, tp) = counts
        accuracy = _ratio(tp + tn, tp + fp + tn + fn)
        recall, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
        return {
            "accuracy": accuracy,
            "recall": recall,
            "specificity": specificity,
            "precision": _ratio(tp, tp + fp),
            "npv": _ratio(tn, tn + fn),
            "f1": _ratio(2 * tp, 2 * tp + fp + fn),
            "mcc": _mcc(counts),
            "balanced_accuracy": (recall + specificity) / 2,
            "weighted_recall": accuracy,
        }

    return measures


def chosen(truth: Labels, probabilities: Scores, told: Labels | None = None) -> Measures:
    """What the choice of one of K labels is worth, of films of which exactly one label is true: of the most probable,
    or of those that were ``told``.

    ``accuracy``; ``macro_recall``, ``macro_f1`` and ``macro_auc`` (of one label against the others), means over the
    labels, each with the same weight; ``weighted_recall``, the recalls weighted by their films, which is the accuracy
    again; ``mcc``, Matthews' correlation in Gorodkin's form for several classes.

    Parameters
    ----------
    truth : (N,) which label is true, 0 to K - 1.
    probabilities : (N, K)
    told : (N,) which label was told, 0 to K - 1.
    """
    kinds = probabilities.shape[1]
    table = _table(truth, probabilities.argmax(axis=1) if told is None else told, kinds)
    against_the_others = [ranked(np.asarray(truth) == k, probabilities[:, k]) for k in range(kinds)]

    def measures(weights: Weights) -> Mapping[str, float]:
        counts = table(weights)
        true, said = [sum(row) for row in counts], [sum(column) for column in zip(*counts, strict=True)]
        right = [counts[k][k] for k in range(kinds)]
        accuracy = _ratio(sum(right), sum(true))
        return {
            "accuracy": accuracy,
            "macro_auc": _mean([areas(weights)["auc"] for areas in against_the_others]),
            "macro_recall": _mean([_ratio(right[k], true[k]) for k in range(kinds)]),
            "weighted_recall": accuracy,
            "macro_f1": _mean([_ratio(2 * right[k], true[k] + said[k]) for k in range(kinds)]),
            "mcc": _mcc(counts),
        }

    return measures


class _Ranked:
    """Films from the lowest score to the highest, in blocks small enough for a processor's own memory."""

    def __init__(self, labels: Labels, scores: Scores) -> None:
        order = np.argsort(scores, kind="stable")
        in_order = bool((np.diff(order) == 1).all())
        self._order = None if in_order else order  # gathering a million weights costs more than measuring them
        self.scores = np.asarray(scores, np.float64)[order]
        self.positive = (np.asarray(labels)[order] == 1).astype(np.float64)
        self._blocks = list(_blocks(self.scores))

    def sorted(self, weights: Weights) -> Weights:
        return weights if self._order is None else weights[self._order]

    def areas(self, weights: Weights, below: NDArray[np.float64]) -> Mapping[str, float]:
        """Under the ROC curve and the precision-recall curve, of sorted weights and their sums.

        At each threshold, which lies between two different scores, all positives but those below are found.
        """
        films, positives = float(below[-1]), float(weights @ self.positive)
        missed = passed = found_precisely = 0.0
        for block, edges in self._blocks:
            lower = below[block.start : block.stop + 1][edges]
            missing = (missed + _sums(weights[block] * self.positive[block]))[edges]
            new = np.diff(missing)
            passed += float((np.diff(lower) - new) @ (missing[1:] + missing[:-1])) / 2
            precision = (positives - missing[:-1]) / np.maximum(films - lower[:-1], _TINY)
            found_precisely += float(new @ precision)
            missed = float(missing[-1])
        pairs = positives * (films - positives)
        return {"auc": _ratio(pairs - passed, pairs), "average_precision": _ratio(found_precisely, positives)}


def _blocks(scores: NDArray[np.float64]) -> Iterator[tuple[slice, NDArray[np.intp] | slice]]:
    """Runs of sorted films, and where within each the score changes; equal scores are never parted."""
    changes = np.flatnonzero(np.diff(scores)) + 1
    edges = np.concatenate([[0], changes, [len(scores)]])
    cuts = np.unique(np.searchsorted(edges, [*range(0, len(scores), _BLOCK), len(scores)]))
    for first, last in pairwise(cuts.tolist()):
        block = slice(int(edges[first]), int(edges[last]))
        different = last - first == block.stop - block.start
        yield block, slice(None) if different else edges[first : last + 1] - block.start


_BLOCK = 32_768
_TINY = float(np.finfo(np.float64).tiny)


def _sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of all values before each, and of all; (N + 1,)."""
    sums = np.empty(len(values) + 1)
    sums[0] = 0.0
    np.cumsum(values, out=sums[1:])
    return sums


def _binned_error(weights: Weights, excess: NDArray[np.float64], edges: Sequence[int]) -> float:
    """A bin's mean probability minus its share of positives, times its films, is the sum of what its films exceed."""
    off = sum(abs(float(weights[start:end] @ excess[start:end])) for start, end in pairwise(edges))
    return _ratio(off, float(weights.sum()))


def _deciles(p: NDArray[np.float64], below: NDArray[np.float64]) -> list[int]:
    """Where sorted films divide into ten bins of as many: each bin ends with the films at its decile.

    The decile is interpolated between the two drawn films next to it, as NumPy's percentile does.
    """
    place = ((below[-1] - 1) * np.arange(1, BINS)) / BINS
    if not len(p) or place[0] < 0:
        return [0, len(p)]
    before = np.floor(place)
    low, high = (p[np.searchsorted(below[1:], rank, side="right")] for rank in (before, np.ceil(place)))
    deciles = low + (high - low) * (place - before)
    return [0, *np.searchsorted(p, deciles, side="right").tolist(), len(p)]


def _table(truth: Labels, told: Labels, kinds: int) -> Callable[[Weights], Table]:
    """The confusion table as a function of weights: a row for each true class, a column for each that was told."""
    cells = (kinds * np.asarray(truth) + np.asarray(told)).astype(np.intp)

    def table(weights: Weights) -> Table:
        counts = np.bincount(cells, weights=weights, minlength=kinds**2).astype(np.float64, copy=False)
        return counts.reshape(kinds, kinds).tolist()

    return table


def _mcc(counts: Table) -> float:
    """Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004."""
    true, told = [sum(row) for row in counts], [sum(column) for column in zip(*counts, strict=True)]
    films, right = sum(true), sum(counts[k][k] for k in range(len(counts)))
    spread = [films**2 - sum(count**2 for count in counts_of) for counts_of in (true, told)]
    by_chance = sum(t * p for t, p in zip(true, told, strict=True))
    return _ratio(right * films - by_chance, math.sqrt(max(spread[0] * spread[1], 0.0)))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
