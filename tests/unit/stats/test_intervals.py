from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from pneumoscope.stats.intervals import Estimate, at_least, clopper_pearson, widest, wilson, wilson_by_patient


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_wilson_gives_the_published_intervals(hits, total, low, high):
    """The first four: Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I."""
    estimate = wilson(hits, total)
    assert estimate.value == hits / total
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_gives_the_published_intervals(hits, total, low, high):
    """Newcombe's table I again, method 5."""
    estimate = clopper_pearson(hits, total)
    assert estimate.value == hits / total
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("hits", "total"), [(0, 1), (1, 1), (3, 7), (390, 390), (12, 624), (4999, 5216)])
def test_intervals_are_those_of_statsmodels(hits, total):
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "beta")):
        estimate = ours(hits, total)
        theirs = proportion_confint(hits, total, method=method)
        assert (estimate.low, estimate.high) == pytest.approx(theirs, abs=1e-9)
    assert at_least(hits, total) == pytest.approx(
        proportion_confint(hits, total, alpha=0.1, method="beta")[0], abs=1e-9
    )


def test_the_bound_is_the_share_that_would_give_as_many_hits_one_time_in_twenty():
    """Its definition; without a miss it is 0.05 ** (1 / n)."""
    assert binom.sf(184, 190, at_least(185, 190)) == pytest.approx(0.05, abs=1e-9)
    assert at_least(40, 40, confidence=0.9) == pytest.approx(0.1 ** (1 / 40), abs=1e-9)
    assert at_least(0, 40) == 0
    with pytest.raises(ValueError, match="confidence"):
        at_least(1, 2, confidence=1.0)
    with pytest.raises(ValueError, match="hits: expected 0 to 2, got 3"):
        at_least(3, 2)


def test_no_cases_say_nothing():
    for method in (wilson, clopper_pearson):
        estimate = method(0, 0)
        assert isnan(estimate.value)
        assert (estimate.low, estimate.high) == (0, 1)
    assert at_least(0, 0) == 0


SHARES = np.linspace(0.02, 0.98, 49)


def coverage(lows: list[float], highs: list[float], films: int) -> np.ndarray:
    """How often the interval holds each true share: the sum over all numbers of hits, so nothing is left to chance."""
    hits = np.arange(films + 1)
    held = (np.array(lows) <= SHARES[:, None]) & (np.array(highs) >= SHARES[:, None])
    return np.sum(held * binom.pmf(hits, films, SHARES[:, None]), axis=1)


@pytest.mark.parametrize("films", [15, 60, 200])
def test_intervals_cover(films):
    """Clopper and Pearson's always; Wilson's on average, with shares for which it does not, but never by much."""
    of = {f: [f(hits, films) for hits in range(films + 1)] for f in (wilson, clopper_pearson)}
    covered = {f: coverage([e.low for e in found], [e.high for e in found], films) for f, found in of.items()}
    assert covered[clopper_pearson].min() >= 0.95
    assert 0.945 < covered[wilson].mean() < 0.96
    assert 0.85 < covered[wilson].min() < 0.95
    bounds = [at_least(hits, films) for hits in range(films + 1)]
    one_sided = coverage(bounds, [1.0] * (films + 1), films)
    assert one_sided.min() >= 0.95
    assert one_sided.mean() < 0.98


def test_widest_takes_the_outer_ends_and_leaves_an_end_that_is_not_a_number():
    assert widest(Estimate(0.5, 0.3, 0.6), Estimate(0.9, 0.4, 0.7)) == Estimate(0.5, 0.3, 0.7)
    assert widest(Estimate(0.5, 0.3, 0.6), Estimate(0.9, 0.2, 0.5)) == Estimate(0.5, 0.2, 0.6)
    assert widest(Estimate(0.5, 0.3, 0.6), Estimate(nan, nan, nan)) == Estimate(0.5, 0.3, 0.6)


def test_where_all_films_agree_patients_are_counted():
    """Wilson of 200 films would be sure to 98%; they are of 40 patients."""
    patients = np.arange(200) % 40
    every, none = (wilson_by_patient(np.full(200, hit), patients) for hit in (True, False))
    assert (every, none) == (wilson(40, 40), wilson(0, 40))
    assert wilson_by_patient(np.arange(200) < 150, patients) == wilson(150, 200)
    assert (wilson_by_patient(np.zeros(0, bool), np.zeros(0)).low, wilson(0, 0).high) == (0, 1)
