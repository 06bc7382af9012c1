"""Whether printed figures can come from a test set of a given size, and from which confusion matrices.

A test set has finitely many films, so its figures take finitely many values: with 390 positive films there is a recall
of 363/390 and one of 364/390, and none between. Every matrix is considered, though not one by one: with the true
positives given no figure falls with the true negatives, so those that agree with a printed figure are a range, whose
ends bisection finds.

The idea is that of the GRIM test (Brown and Heathers, 2017) and, for classifiers, of Kovács and Fazekas, "Testing the
consistency of performance scores reported for binary classification problems", 2023.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from itertools import combinations
from operator import and_
from typing import get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from pneumoscope.stats.figures import FIGURES, Counts, Figure
from pneumoscope.stats.intervals import clopper_pearson, wilson
from pneumoscope.stats.printed import Bounds, Rounding

Whole = NDArray[np.int64]

LISTED = 20
"""Matrices are told one by one up to so many."""
MOST = 1_000_000
"""Films of a class."""


@dataclass(frozen=True)
class Claim:
    """What is printed about a test set of so many films of each class.

    ``figures`` maps names out of ``FIGURES`` to what is printed.

    Raises
    ------
    ValueError : for no figure, an unknown one, one that is no number, or counts out of range.
    """

    positives: int
    negatives: int
    figures: Mapping[str, str]
    rounding: Rounding = "any"

    def __post_init__(self) -> None:
        for what, films in (("positives", self.positives), ("negatives", self.negatives)):
            if not 1 <= films <= MOST:
                raise ValueError(f"{what}: expected 1 to {MOST:,} films, got {films:,}")
        if self.rounding not in get_args(Rounding):
            raise ValueError(f"rounding: expected one of {', '.join(get_args(Rounding))}, got {self.rounding!r}")
        if not self.figures:
            raise ValueError(f"expected at least one of the figures {', '.join(FIGURES)}")
        for name in self.figures:
            self.bounds(name)

    def bounds(self, name: str) -> Bounds:
        """What the printed figure stands for."""
        if name not in FIGURES:
            raise ValueError(f"{name}: expected one of the figures {', '.join(FIGURES)}")
        try:
            return Bounds.of(self.figures[name], self.rounding, FIGURES[name].lowest)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error

    def counts(self, tp: Whole, tn: Whole) -> Counts:
        """The matrices with these true positives and negatives."""
        return Counts.of(self.positives, self.negatives, tp.astype(np.float64), tn.astype(np.float64))


class Matrix(msgspec.Struct, frozen=True):
    """A confusion matrix."""

    true_positive: int
    false_negative: int
    true_negative: int
    false_positive: int


class Span(msgspec.Struct, frozen=True):
    """From the least to the most."""

    low: float
    high: float


class Conflict(msgspec.Struct, frozen=True):
    """Figures that no matrix gives, though without any one of them there would be one.

    Of a figure that is impossible alone, ``below`` and ``above`` are the nearest that the films allow, if any; in the
    company of others anything from the one to the other counts as that figure.
    """

    figures: tuple[str, ...]
    below: float | None = None
    above: float | None = None


class Alternative(msgspec.Struct, frozen=True):
    """Another reading of the same figures, and how many matrices would give them."""

    reading: str
    positives: int
    negatives: int
    count: int


class ClaimCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What the printed figures imply.

    Attributes
    ----------
    count : the confusion matrices that give all of them; ``matrices`` holds them if they are at most ``LISTED``.
    cells, figures : the range of each cell and of each figure over these matrices.
    intervals : 95% intervals of recall and specificity by method, from the lowest to the highest end over the matrices.
    conflicts : the smallest sets of figures that contradict each other, of three figures at most.
    nearest : the matrix whose worst figure is the least off, and ``nearest_figures`` what it gives.
    alternatives : what else the figures may have been meant as; asked only where they are impossible.
    """

    positives: int
    negatives: int
    stated: dict[str, str]
    rounding: Rounding
    possible: bool
    count: int
    matrices: tuple[Matrix, ...] = ()
    cells: dict[str, Span] = {}
    figures: dict[str, Span] = {}
    intervals: dict[str, dict[str, Span]] = {}
    conflicts: tuple[Conflict, ...] = ()
    nearest: Matrix | None = None
    nearest_figures: dict[str, float] = {}
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, eq=False)
class _Ranges:
    """From how many to how many true negatives, for each number of true positives: both (P + 1,)."""

    low: Whole
    high: Whole

    @property
    def count(self) -> int:
        return int(np.maximum(self.high - self.low + 1, 0).sum())

    def __and__(self, other: _Ranges) -> _Ranges:
        return _Ranges(np.maximum(self.low, other.low), np.minimum(self.high, other.high))


def check_claim(claim: Claim, others: Sequence[tuple[int, int]] = ()) -> ClaimCheck:
    """Find all confusion matrices that give the figures, or say why there is none.

    Parameters
    ----------
    others : (positives, negatives) of other test sets, to be tried where the figures are impossible.

    Examples
    --------
    >>> check_claim(Claim(390, 234, {"accuracy": "0.944", "recall": "0.990", "specificity": "0.868"})).matrices
    (Matrix(true_positive=386, false_negative=4, true_negative=203, false_positive=31),)
    >>> check_claim(Claim(390, 234, {"recall": "0.932"})).conflicts[0].above
    0.9333333333333333
    """
    ranges = {name: _ranges(claim, name) for name in claim.figures}
    agreed = reduce(and_, ranges.values())
    found = ClaimCheck(
        positives=claim.positives,
        negatives=claim.negatives,
        stated=dict(claim.figures),
        rounding=claim.rounding,
        possible=agreed.count > 0,
        count=agreed.count,
    )
    if found.possible:
        return _with_matrices(found, claim, agreed)
    nearest = _nearest(claim)
    return msgspec.structs.replace(
        found,
        conflicts=tuple(_conflicts(claim, ranges)),
        nearest=_matrix(claim, *nearest),
        nearest_figures={name: _value(claim, name, *nearest) for name in claim.figures},
        alternatives=tuple(_alternatives(claim, others)),
    )


def _ranges(claim: Claim, name: str) -> _Ranges:
    """The true negatives that agree with one figure."""
    return _ranges_within(claim, name, claim.bounds(name))


def _ranges_within(claim: Claim, name: str, bounds: Bounds) -> _Ranges:
    figure = FIGURES[name]
    low = _fewest(claim, figure, bounds.low, beyond=bounds.low_open)
    return _Ranges(low, _fewest(claim, figure, bounds.high, beyond=not bounds.high_open) - 1)


def _fewest(claim: Claim, figure: Figure, bound: Fraction, *, beyond: bool) -> Whole:
    """The fewest true negatives with which the figure reaches ``bound``."""
    return _first(claim, lambda tp, tn: figure.reaches(claim.counts(tp, tn), bound, beyond=beyond))


def _first(claim: Claim, reached: Callable[[Whole, Whole], NDArray[np.bool_]]) -> Whole:
    """By bisection for each tp: the fewest true negatives at which ``reached(tp, tn)`` turns true, N + 1 if nowhere."""
    tp = np.arange(claim.positives + 1)
    low, high = np.zeros_like(tp), np.full_like(tp, claim.negatives + 1)
    while (between := low < high).any():
        middle = (low[between] + high[between]) // 2
        there = reached(tp[between], middle)
        high[between] = np.where(there, middle, high[between])
        low[between] = np.where(there, low[between], middle + 1)
    return low


def _with_matrices(found: ClaimCheck, claim: Claim, agreed: _Ranges) -> ClaimCheck:
    tp = np.flatnonzero(agreed.low <= agreed.high)
    low, high = agreed.low[tp], agreed.high[tp]
    listed = zip(tp, low, high, strict=True) if found.count <= LISTED else ()
    least, most = claim.counts(tp, low), claim.counts(tp, high)
    fewest, fullest = _matrix(claim, tp.min(), low.min()), _matrix(claim, tp.max(), high.max())
    return msgspec.structs.replace(
        found,
        matrices=tuple(_matrix(claim, int(i), j) for i, first, last in listed for j in range(first, last + 1)),
        cells={
            name: Span(*sorted((getattr(fewest, name), getattr(fullest, name)))) for name in Matrix.__struct_fields__
        },
        figures={
            name: Span(float(figure.value(least).min()), float(figure.value(most).max()))
            for name, figure in FIGURES.items()
        },
        intervals={
            "recall": _intervals(fewest.true_positive, fullest.true_positive, claim.positives),
            "specificity": _intervals(fewest.true_negative, fullest.true_negative, claim.negatives),
        },
    )


def _intervals(fewest: int, most: int, of: int) -> dict[str, Span]:
    return {
        method.__name__: Span(method(fewest, of).low, method(most, of).high) for method in (wilson, clopper_pearson)
    }


def _matrix(claim: Claim, tp: int, tn: int) -> Matrix:
    return Matrix(*(int(cell) for cell in Counts.of(claim.positives, claim.negatives, np.array(tp), np.array(tn))))


def _value(claim: Claim, name: str, tp: int, tn: int) -> float:
    return float(FIGURES[name].value(claim.counts(np.array([tp]), np.array([tn])))[0])


def _conflicts(claim: Claim, ranges: Mapping[str, _Ranges]) -> Iterator[Conflict]:
    """Sets without a smaller set inside that is impossible already."""
    lenient = dict(ranges)
    for name in ranges:
        if ranges[name].count == 0:
            below, above = _around(claim, name, ranges[name])
            yield Conflict((name,), below, above)
            lenient[name] = _ranges_within(claim, name, _between(below, above))
    known: list[set[str]] = []
    for names in (names for size in (2, 3) for names in combinations(ranges, size)):
        fresh = not any(smaller <= set(names) for smaller in known)
        if fresh and reduce(and_, (lenient[name] for name in names)).count == 0:
            known.append(set(names))
            yield Conflict(names)


def _around(claim: Claim, name: str, ranges: _Ranges) -> tuple[float | None, float | None]:
    """The nearest values below and above a number that no matrix gives."""
    tp, figure = np.arange(claim.positives + 1), FIGURES[name]
    under, over = ranges.low > 0, ranges.high < claim.negatives
    below = figure.value(claim.counts(tp[under], ranges.low[under] - 1))
    above = figure.value(claim.counts(tp[over], ranges.high[over] + 1))
    return float(below.max()) if under.any() else None, float(above.min()) if over.any() else None


def _between(below: float | None, above: float | None) -> Bounds:
    """Wide enough for both in spite of what floating point has lost."""
    low, high = -1.0 if below is None else below, 1.0 if above is None else above
    return Bounds(Fraction(low) - Fraction(1, 10**9), Fraction(high) + Fraction(1, 10**9))


def _nearest(claim: Claim) -> tuple[int, int]:
    """True positives and negatives of the matrix whose worst figure is the least off; of equals that with least in all.

    With more true negatives the figures that are too low get better and those that are too high get worse, so the best
    is where the two meet. Recall has no part in that: it does not change.
    """
    changing = [name for name in claim.figures if name != "recall"]

    def met(tp: Whole, tn: Whole) -> NDArray[np.bool_]:
        under, over = _off(claim, changing, tp, tn)
        return np.asarray(over.max(axis=0, initial=-np.inf) >= under.max(axis=0, initial=-np.inf))

    meeting = np.minimum(_first(claim, met), claim.negatives)
    twice = np.tile(np.arange(claim.positives + 1), 2)
    candidates = np.concatenate([meeting, np.maximum(meeting - 1, 0)])
    off = np.maximum(*_off(claim, list(claim.figures), twice, candidates)).clip(min=0)
    best = np.lexsort((off.sum(axis=0).round(12), off.max(axis=0).round(12)))[0]
    return int(twice[best]), int(candidates[best])


def _off(claim: Claim, names: Sequence[str], tp: Whole, tn: Whole) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By how much each figure is too low, and too high: both (K, n), negative where it is not."""
    counts = claim.counts(tp, tn)
    values = np.array([FIGURES[name].value(counts) for name in names]).reshape(len(names), len(tp))
    ends = np.array([[float(b.low), float(b.high)] for b in map(claim.bounds, names)]).reshape(len(names), 2)
    return ends[:, :1] - values, values - ends[:, 1:]


def _alternatives(claim: Claim, others: Sequence[tuple[int, int]]) -> Iterator[Alternative]:
    """Slips that are often made."""
    yield _alternative("the classes exchanged", replace(claim, positives=claim.negatives, negatives=claim.positives))
    for kind in ("weighted", "macro"):
        renamed = {f"{kind}_{name}" if name in _AVERAGED else name: text for name, text in claim.figures.items()}
        if len(renamed) == len(claim.figures) and renamed != claim.figures:
            yield _alternative(f"{kind} averages over the classes", replace(claim, figures=renamed))
    for positives, negatives in others:
        other = replace(claim, positives=positives, negatives=negatives)
        yield _alternative("another test set", other)


_AVERAGED = ("precision", "recall", "f1")


def _alternative(reading: str, claim: Claim) -> Alternative:
    agreed = reduce(and_, (_ranges(claim, name) for name in claim.figures))
    return Alternative(reading, claim.positives, claim.negatives, agreed.count)
