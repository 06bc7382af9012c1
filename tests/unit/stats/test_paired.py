from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from pneumoscope.stats.bootstrap import Measures, Weights
from pneumoscope.stats.paired import mcnemar, paired_bootstrap


def answers(both: int, first: int, second: int, none: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [both, first, second, none]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


@pytest.mark.parametrize("counts", [(1, 7, 1, 12), (40, 0, 0, 2), (30, 5, 5, 5), (500, 31, 12, 4), (0, 0, 3, 0)])
def test_mcnemar_is_that_of_statsmodels(counts):
    both, first, second, none = counts
    ours = mcnemar(*answers(*counts))
    assert ours.p == pytest.approx(statsmodels_mcnemar([[both, first], [second, none]], exact=True).pvalue, abs=1e-12)
    assert ours.difference == pytest.approx((first - second) / sum(counts))
    assert ours.low <= ours.difference <= ours.high


def test_mcnemar_of_nothing_is_refused():
    with pytest.raises(ValueError, match="one film or more"):
        mcnemar(np.zeros(0), np.zeros(0))
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        mcnemar(np.zeros(2), np.zeros(3))


@pytest.mark.parametrize("shares", [(0.80, 0.08, 0.04), (0.93, 0.01, 0.03), (0.2, 0.3, 0.3)])
def test_the_interval_of_a_paired_difference_covers(shares):
    """4,000 studies of 60 films: at 95% coverage, 3 standard errors are 1 point."""
    rng = np.random.default_rng(1)
    true, held = shares[1] - shares[2], 0
    studies = rng.multinomial(60, [*shares, 1 - sum(shares)], size=4000)[:, 1:3]
    for (first, second), times in zip(*np.unique(studies, axis=0, return_counts=True), strict=True):
        test = mcnemar(*answers(60 - first - second, first, second, 0))
        held += times * (test.low <= true <= test.high)
    assert held / 4000 > 0.94


def mean_of(values: np.ndarray) -> Measures:
    def measures(weights: Weights) -> dict[str, float]:
        return {"mean": float(weights @ values / weights.sum()), "films": float(weights.sum())}

    return measures


def test_a_paired_difference_is_much_surer_than_two_intervals():
    """Both programs stumble over the same films; the second is worse by a little everywhere."""
    rng = np.random.default_rng(0)
    hard = rng.normal(size=300)
    first, second = hard + 0.1, hard + rng.normal(0, 0.05, 300)
    test = paired_bootstrap(mean_of(first), mean_of(second), range(300), resamples=400, seed=0)["mean"]
    assert test.difference == pytest.approx((first - second).mean())
    assert 0 < test.low < test.difference < test.high < 0.2
    assert test.p == 2 / 401
    back = paired_bootstrap(mean_of(second), mean_of(first), range(300), resamples=400, seed=0)["mean"]
    assert (back.low, back.high, back.p) == pytest.approx((-test.high, -test.low, test.p))


def test_no_difference_is_told_as_such():
    values = np.arange(20.0)
    tests = paired_bootstrap(mean_of(values), mean_of(values), range(20), resamples=50, seed=0)
    assert set(tests) == {"mean", "films"}
    assert (tests["mean"].difference, tests["mean"].low, tests["mean"].high, tests["mean"].p) == (0, 0, 0, 1)


def test_only_what_both_measure_is_compared_and_the_undefined_stays_so():
    def undefined(weights: Weights) -> dict[str, float]:
        return {"mean": nan}

    tests = paired_bootstrap(undefined, mean_of(np.arange(3.0)), "abc", resamples=20, seed=0)
    assert set(tests) == {"mean"}
    assert isnan(tests["mean"].p)
    assert isnan(tests["mean"].low)


def test_films_of_a_single_patient_are_no_evidence():
    test = paired_bootstrap(mean_of(np.ones(9)), mean_of(np.zeros(9)), "a" * 9, resamples=100, seed=0)["mean"]
    assert test.difference == 1
    assert all(map(isnan, (test.low, test.high, test.p)))


def test_under_no_difference_the_p_value_is_below_a_twentieth_one_time_in_twenty():
    """200 studies of 80 patients with two films each, two programs that are equally good."""
    rng = np.random.default_rng(2)
    patients = np.arange(160) // 2
    low = 0
    for seed in range(200):
        a, b = (rng.normal(size=80)[patients] + rng.normal(0, 0.3, 160) for _ in range(2))
        low += paired_bootstrap(mean_of(a), mean_of(b), patients, resamples=100, seed=seed)["mean"].p <= 0.05
    assert 2 <= low <= 22
