from __future__ import annotations

from collections import Counter
from math import isnan, nan, sqrt

import numpy as np
import pytest

from pneumoscope.stats.intervals import Estimate, patient_bootstrap, widest, wilson


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


def test_no_cases_say_nothing():
    estimate = wilson(0, 0)
    assert isnan(estimate.value)
    assert (estimate.low, estimate.high) == (0, 1)


def test_bootstrap_draws_patients_with_all_their_films():
    patients = ["b", "a", "b", "c", "a", "b"]
    drawn: list[list[int]] = []
    patient_bootstrap(lambda films: drawn.append(films.tolist()) or 0.0, patients, resamples=50, seed=3)
    for films in drawn:
        times = Counter(films)
        assert times[0] == times[2] == times[5]
        assert times[1] == times[4]
        assert times[0] + times[1] + times[3] == 3  # as many patients as there are
    assert drawn[-1] == list(range(6))  # the value itself: every film once
    assert len({tuple(films) for films in drawn}) > 5


def test_alike_films_of_a_patient_make_the_interval_wider():
    """Nine copies of each film teach nothing: drawing films instead would claim an interval a third as wide."""
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=200), 9)
    patients = np.repeat([f"p{i}" for i in range(200)], 9).tolist()

    def width(keys: list[str]) -> float:
        estimate = patient_bootstrap(lambda films: values[films].mean(), keys, resamples=400, seed=1)
        return estimate.high - estimate.low

    by_patient, by_film = width(patients), width([str(i) for i in range(1800)])
    assert by_patient / by_film == pytest.approx(3, rel=0.15)
    assert by_patient == pytest.approx(2 * 1.96 * values.std() / sqrt(200), rel=0.1)


def test_bootstrap_is_repeatable_and_its_value_is_of_the_films_themselves():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    runs = [
        patient_bootstrap(lambda films: values[films].mean(), list("abcd"), resamples=100, seed=seed)
        for seed in (5, 5, 6)
    ]
    assert runs[0].value == runs[2].value == 4.0
    assert runs[0] == runs[1] != runs[2]
    assert 1 <= runs[0].low < 4 < runs[0].high <= 9


def test_resamples_without_a_value_are_left_out():
    def statistic(films: np.ndarray) -> float:
        return nan if 0 in films and len(set(films.tolist())) < 4 else 7.0

    assert patient_bootstrap(statistic, list("abcd"), resamples=100, seed=0) == Estimate(7.0, 7.0, 7.0)


def test_a_figure_without_a_value_has_an_interval_without_one():
    estimate = patient_bootstrap(lambda _: nan, list("abc"), resamples=10, seed=0)
    assert all(map(isnan, (estimate.value, estimate.low, estimate.high)))


def test_widest_takes_the_outer_ends_and_leaves_an_end_that_is_not_a_number():
    assert widest(Estimate(0.5, 0.3, 0.6), Estimate(0.9, 0.4, 0.7)) == Estimate(0.5, 0.3, 0.7)
    assert widest(Estimate(0.5, 0.3, 0.6), Estimate(0.9, 0.2, 0.5)) == Estimate(0.5, 0.2, 0.6)
    assert widest(Estimate(0.5, 0.3, 0.6), Estimate(nan, nan, nan)) == Estimate(0.5, 0.3, 0.6)
