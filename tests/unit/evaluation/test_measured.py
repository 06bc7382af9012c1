from __future__ import annotations

import json
from math import inf, sqrt

import msgspec
import numpy as np
import pytest

from pneumoscope.evaluation.measured import (
    Measured,
    auc_by_patients,
    mean,
    measured,
    share,
    standard_error,
)
from pneumoscope.stats.bootstrap import numbered
from pneumoscope.stats.delong import newcombe_auc
from pneumoscope.stats.intervals import wilson

Z = 1.959963984540054


@pytest.mark.parametrize(("hits", "films"), [(0, 10), (3, 10), (9, 10), (10, 10), (231, 234), (1, 1), (0, 1)])
def test_films_of_different_patients_have_wilsons_interval(hits, films):
    found = share(np.arange(films) < hits, np.arange(films))
    expected = wilson(hits, films)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


@pytest.mark.parametrize("hits", [0, 7, 30])
def test_copies_of_a_patients_film_tell_next_to_nothing_more(hits):
    once = np.arange(30) < hits
    found = share(np.repeat(once, 5), np.repeat(np.arange(30), 5))
    expected = share(once, np.arange(30))
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high), abs=5e-3
    )


def test_patients_whose_films_disagree_earn_no_narrower_interval():
    found = share(np.tile([True, False], 20), np.repeat(np.arange(20), 2))
    expected = wilson(20, 40)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_one_patient_counts_for_one():
    found = share(np.array([True, False, True, True]), np.zeros(4, np.intp))
    assert found.value == 0.75
    assert found.low < 0.2
    assert found.high > 0.98


def test_the_interval_of_a_share_covers_where_wilsons_does_not():
    """Patients with four films each that are read alike: 95% should hold the truth."""
    rng, ours, theirs = np.random.default_rng(7), 0, 0
    patients = np.repeat(np.arange(50), 4)
    for _ in range(400):
        hits = np.repeat(rng.random(50) < 0.8, 4)
        one, other = share(hits, patients), wilson(int(hits.sum()), len(hits))
        ours += one.low <= 0.8 <= one.high
        theirs += other.low <= 0.8 <= other.high
    assert ours / 400 > 0.925
    assert theirs / 400 < 0.85


def test_the_standard_error_of_independent_films_is_the_textbooks():
    values = np.random.default_rng(0).normal(size=40)
    assert standard_error(values, np.arange(40)) == pytest.approx(values.std(ddof=1) / sqrt(40))


def test_a_mean_has_its_interval_within_what_values_can_be():
    values, patients = np.array([0.0, 0.1, 0.9, 0.2]), np.arange(4)
    free, bound = mean(values, patients), mean(values, patients, 0.0, 1.0)
    assert free.value == bound.value == pytest.approx(0.3)
    assert free.low == pytest.approx(0.3 - 3.182446305 * values.std(ddof=1) / 2)  # Student's, three degrees of freedom
    assert free.low < 0
    assert (bound.low, bound.high) == (0.0, free.high)


@pytest.mark.parametrize("people", [2, 3, 10])
def test_the_interval_of_a_mean_covers_with_few_patients(people):
    """A release is decided by its ends. With the normal distribution that of two patients holds the truth in 70%."""
    rng = np.random.default_rng(5)
    found = [mean(rng.normal(size=people), np.arange(people)) for _ in range(1000)]
    assert np.mean([one.low <= 0 <= one.high for one in found]) == pytest.approx(0.95, abs=0.02)


def test_the_mean_of_one_patients_films_could_be_anything():
    found = mean(np.array([0.2, 0.4]), np.zeros(2, np.intp))
    assert (found.value, found.low, found.high) == (pytest.approx(0.3), -inf, inf)


def test_perfect_separation_of_few_films_proves_little():
    low, high = newcombe_auc(1.0, 5, 5)
    assert high == 1.0
    assert 0.4 < low < 0.8
    assert newcombe_auc(1.0, 500, 500)[0] > 0.99
    assert newcombe_auc(0.0, 5, 5) == (0.0, pytest.approx(1 - low))


def test_an_aucs_interval_covers_in_small_groups():
    rng, covered, area = np.random.default_rng(3), 0, 0.9213503964748574  # of normal scores two deviations apart
    for _ in range(500):
        sick, well = rng.normal(2, 1, (25, 1)), rng.normal(0, 1, (1, 15))
        low, high = newcombe_auc(float((sick > well).mean()), 25, 15)
        covered += low <= area <= high
    assert covered / 500 > 0.93


def test_more_films_of_the_same_patients_do_not_narrow_an_auc():
    truth, scores = np.array([0, 0, 0, 1, 1, 1]), np.array([0.1, 0.3, 0.6, 0.4, 0.7, 0.9])
    once = auc_by_patients(truth, scores, np.arange(6))
    twice = auc_by_patients(np.tile(truth, 2), np.tile(scores, 2), np.tile(np.arange(6), 2))
    assert twice == once
    assert once.value == pytest.approx(8 / 9)


def test_one_class_alone_has_no_auc_and_no_share_of_the_other():
    found = measured(np.ones(3, np.int64), np.array([0.2, 0.6, 0.9]), np.array([False, True, True]), ["a", "b", "b"])
    assert (found.films, found.positive, found.patients) == (3, 3, 2)
    assert found.auc is None
    assert found.specificity is None
    assert found.recall.value == pytest.approx(2 / 3)


def test_measures_are_plain_json_and_come_back():
    found = measured(np.array([0, 1]), np.array([0.2, 0.6]), np.array([True, True]), ["a", "b"])
    data = msgspec.json.encode(found)
    assert json.loads(data)["specificity"]["value"] == 0.0
    assert msgspec.json.decode(data, type=Measured) == found


def test_equal_keys_have_equal_numbers():
    numbers, count = numbered([("a", "1"), ("b", "1"), ("a", "1")])
    assert (numbers.tolist(), count) == ([0, 1, 0], 2)
