"""Two programs on the same films: is one better, and by how much?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from pneumoscope.stats.bootstrap import Measures, Weights, percentiles, replicates


class PairedTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first program's figure minus the second's, the ends of its 95% interval, and the two-sided p-value."""

    difference: float
    low: float
    high: float
    p: float


def mcnemar(right_a: NDArray[Any], right_b: NDArray[Any]) -> PairedTest:
    """How much more often the first program is right, with McNemar's exact test.

    The test looks at the films on which one is right and the other wrong: were the two alike, each would win half of
    them. The interval is that of Bonett & Price, which adds a film to each of the two kinds and so holds its 95% in
    small samples too; unlike the p-value it is not exact, and near the border they may disagree.

    Films count as independent: with several films a patient, use ``paired_bootstrap``.

    Sources: McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    1947; Bonett & Price, "Adjusted Wald confidence interval for a difference of binomial proportions based on paired
    data", 2012.

    Parameters
    ----------
    right_a, right_b : (N,) whether each program is right about each film; any yes or no that is to be compared.

    Raises
    ------
    ValueError : for no film, or shapes that differ.

    >>> test = mcnemar([True] * 8 + [False] * 13, [True] + [False] * 19 + [True])  # wins 7, loses 1
    >>> round(test.difference, 3), round(test.low, 3), round(test.high, 3), test.p
    (0.286, 0.013, 0.508, 0.0703125)
    """
    a, b = np.asarray(right_a, bool), np.asarray(right_b, bool)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise ValueError(f"expected two rows of the same films, one film or more, got shapes {a.shape} and {b.shape}")
    wins, losses, films = int(np.sum(a & ~b)), int(np.sum(b & ~a)), len(a)
    p = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    low, high = _bonett_price(wins, losses, films)
    return PairedTest(difference=(wins - losses) / films, low=low, high=high, p=float(p))


def _bonett_price(wins: int, losses: int, films: int) -> tuple[float, float]:
    won, lost = (wins + 1) / (films + 2), (losses + 1) / (films + 2)
    reach = float(norm.ppf(0.975)) * math.sqrt((won + lost - (won - lost) ** 2) / (films + 2))
    return max(won - lost - reach, -1.0), min(won - lost + reach, 1.0)


def paired_bootstrap(
    first: Measures, second: Measures, patients: Sequence[Any] | NDArray[Any], *, resamples: int, seed: int
) -> dict[str, PairedTest]:
    """The first program's figures minus the second's; both are measured on the same draws of patients.

    The interval is the percentiles' as in ``bootstrap``. The p-value is twice the smaller share of draws on either side
    of no difference, each draw at 0 counted on both sides, with one draw more added to each: never 0, never above 1.

    Source: Davison & Hinkley, "Bootstrap methods and their application", 1997, section 4.2.

    Parameters
    ----------
    first, second : figures of the same N films by name; those names that both have are compared.
    patients : (N,) whose each film is.
    """

    def differences(weights: Weights) -> Mapping[str, float]:
        ours, theirs = first(weights), second(weights)
        return {name: ours[name] - theirs[name] for name in ours if name in theirs}

    measured = differences(np.ones(len(patients)))
    drawn = replicates(differences, patients, resamples=resamples, seed=seed)
    return {
        name: PairedTest(float(value), *percentiles(drawn[name]), p=_two_sided(drawn[name]))
        for name, value in measured.items()
    }


def _two_sided(differences: NDArray[np.float64]) -> float:
    defined = differences[~np.isnan(differences)]
    if not len(defined):
        return float("nan")
    fewer = min(np.sum(defined <= 0), np.sum(defined >= 0))
    return min(1.0, 2 * (int(fewer) + 1) / (len(defined) + 1))
