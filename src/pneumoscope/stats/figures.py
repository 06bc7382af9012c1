"""The figures that papers print about two classes, as ratios of whole numbers.

All but Matthews' coefficient are ratios of polynomials in the four counts; its square is one. So whether a figure lies
above or below a printed number can be decided in whole numbers, whatever a computer would have rounded.

Where a figure would divide by zero it is 0, as scikit-learn reports it. With the true positives given, no figure falls
when there are more true negatives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
"""float64, or Python's own integers (object) where no bit may be lost."""

Ratio = tuple[Numbers, Numbers]
"""Numerator and denominator; the denominator is above zero."""


class Counts(NamedTuple):
    """Confusion matrices, as four arrays of one shape."""

    tp: Numbers
    fn: Numbers
    tn: Numbers
    fp: Numbers

    @classmethod
    def of(cls, positives: int, negatives: int, tp: Numbers, tn: Numbers) -> Self:
        """With so many films of each class."""
        return cls(tp, positives - tp, tn, negatives - tn)


@dataclass(frozen=True)
class Figure:
    """One figure: its ratio, and whether the figure is the root of it, with the ratio's sign."""

    ratio: Callable[[Counts], Ratio]
    root: bool = False

    @property
    def lowest(self) -> int:
        """The least that the figure can be."""
        return -1 if self.root else 0

    def value(self, counts: Counts) -> NDArray[np.float64]:
        """The figure of each matrix, in floating point."""
        numerator, denominator = self.ratio(counts)
        ratio = np.asarray(numerator / denominator, np.float64)
        return np.sign(ratio) * np.sqrt(np.abs(ratio)) if self.root else ratio

    def reaches(self, counts: Counts, bound: Fraction, *, beyond: bool) -> NDArray[np.bool_]:
        """Whether the figure is at least ``bound``, or above it if ``beyond``; exactly, for counts in float64."""
        level = bound * abs(bound) if self.root else bound
        numerator, denominator = self.ratio(counts)
        distance = np.asarray(numerator / denominator, np.float64) - float(level)
        reached: NDArray[np.bool_] = distance > 0
        near = np.abs(distance) < _NEAR
        if near.any():
            numerator, denominator = self.ratio(
                Counts(*(part[near].astype(np.int64).astype(object) for part in counts))
            )
            gap = numerator * level.denominator - level.numerator * denominator
            reached[near] = gap > 0 if beyond else gap >= 0
        return reached


_NEAR = 1e-9
"""Closer than this, whole numbers decide; float64 errs a million times less."""


def _share(hits: Numbers, of: Numbers) -> Ratio:
    return hits, of + (of == 0)


def _mean(one: Ratio, other: Ratio, weight: Numbers | int = 1, other_weight: Numbers | int = 1) -> Ratio:
    (a, b), (c, d) = one, other
    return weight * a * d + other_weight * c * b, (weight + other_weight) * b * d


def _weighted(m: Counts, of_positives: Ratio, of_negatives: Ratio) -> Ratio:
    return _mean(of_positives, of_negatives, m.tp + m.fn, m.tn + m.fp)


def _accuracy(m: Counts) -> Ratio:
    return _share(m.tp + m.tn, m.tp + m.fn + m.tn + m.fp)


def _recall(m: Counts) -> Ratio:
    return _share(m.tp, m.tp + m.fn)


def _specificity(m: Counts) -> Ratio:
    return _share(m.tn, m.tn + m.fp)


def _precision(m: Counts) -> Ratio:
    return _share(m.tp, m.tp + m.fp)


def _npv(m: Counts) -> Ratio:
    return _share(m.tn, m.tn + m.fn)


def _f1(m: Counts) -> Ratio:
    return _share(2 * m.tp, 2 * m.tp + m.fp + m.fn)


def _f1_negative(m: Counts) -> Ratio:
    return _share(2 * m.tn, 2 * m.tn + m.fp + m.fn)


def _mcc_squared(m: Counts) -> Ratio:
    """Matthews, "Comparison of the predicted and observed secondary structure of T4 phage lysozyme", 1975."""
    product = m.tp * m.tn - m.fp * m.fn
    return _share(product * np.abs(product), (m.tp + m.fp) * (m.tp + m.fn) * (m.tn + m.fp) * (m.tn + m.fn))


def _macro_recall(m: Counts) -> Ratio:
    return _mean(_recall(m), _specificity(m))


FIGURES: dict[str, Figure] = {
    "accuracy": Figure(_accuracy),
    "recall": Figure(_recall),
    "specificity": Figure(_specificity),
    "precision": Figure(_precision),
    "npv": Figure(_npv),
    "f1": Figure(_f1),
    "f1_negative": Figure(_f1_negative),
    "mcc": Figure(_mcc_squared, root=True),
    "balanced_accuracy": Figure(_macro_recall),
    "macro_precision": Figure(lambda m: _mean(_precision(m), _npv(m))),
    "macro_recall": Figure(_macro_recall),
    "macro_f1": Figure(lambda m: _mean(_f1(m), _f1_negative(m))),
    "weighted_precision": Figure(lambda m: _weighted(m, _precision(m), _npv(m))),
    "weighted_recall": Figure(_accuracy),
    "weighted_f1": Figure(lambda m: _weighted(m, _f1(m), _f1_negative(m))),
}
"""By name. ``npv`` is the precision of the negative class, ``specificity`` its recall; ``macro`` and ``weighted`` are
the last two lines of scikit-learn's ``classification_report``."""
