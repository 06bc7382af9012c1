"""DeLong's method against the published example, against fractions written out pair by pair, and against simulation."""

from __future__ import annotations

import re
from fractions import Fraction
from math import isnan, nan, sqrt

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from pneumoscope.stats.delong import delong_auc, delong_covariance, delong_test, newcombe_auc

_PRINTED = """
    3.0 5.8 10 0 | 3.2 6.3 5 1 | 3.9 6.8 3 1 | 2.8 4.8 6 0 | 3.2 5.8 3 1 | 0.9 4.0 5 0 | 2.5 5.7 8 0
    1.6 5.6 5 1 | 3.8 5.7 5 1 | 3.7 6.7 6 1 | 3.2 5.4 4 1 | 3.8 6.6 6 1 | 4.1 6.6 5 1 | 3.6 5.7 5 1
    4.3 7.0 4 1 | 3.6 6.7 4 0 | 2.3 4.4 6 1 | 4.2 7.6 4 0 | 4.0 6.6 6 0 | 3.5 5.8 6 1 | 3.8 6.8 7 1
    3.0 4.7 8 0 | 4.5 7.4 5 1 | 3.7 7.4 5 1 | 3.1 6.6 6 1 | 4.1 8.2 6 1 | 4.3 7.0 5 1 | 4.3 6.5 4 1
    3.2 5.1 5 1 | 2.6 4.7 6 1 | 3.3 6.8 6 0 | 1.7 4.0 7 0 | 3.7 6.1 5 1 | 3.3 6.3 7 1 | 4.2 7.7 6 1
    3.5 6.2 5 1 | 2.9 5.7 9 0 | 2.1 4.8 7 1 | 2.8 6.2 8 0 | 4.0 7.0 7 1 | 3.3 5.7 6 1 | 3.7 6.9 5 1
    3.6 6.6 5 1
"""
OVARIAN = np.array([row.split() for row in re.split(r"[|\n]", _PRINTED) if row.strip()], float)
"""Albumin, total protein, K-G score (high is bad) and whether surgery helped: the patients of DeLong, DeLong and
Clarke-Pearson 1988 of whom all is known, as SAS/STAT prints them ("Comparing Receiver Operating Characteristic Curves",
an example of the LOGISTIC procedure), with the results that it prints to four places."""
HELPED = OVARIAN[:, 3].astype(int)
ALBUMIN, PROTEIN, SCORE = OVARIAN[:, 0], OVARIAN[:, 1], 10 - OVARIAN[:, 2]


def test_areas_and_errors_of_the_published_example():
    areas, covariance = delong_covariance(HELPED, np.stack([ALBUMIN, SCORE, PROTEIN]))
    assert areas == pytest.approx([0.7366, 0.7258, 0.6478], abs=5e-5)
    assert np.sqrt(np.diag(covariance)) == pytest.approx([0.0927, 0.1028, 0.1000], abs=5e-5)


@pytest.mark.parametrize(
    ("other", "printed", "error", "chi_square"),
    [
        (ALBUMIN, (0.0108, -0.1761, 0.1976, 0.9102), 0.0953, 0.0127),
        (PROTEIN, (-0.0780, -0.2830, 0.1271, 0.4561), 0.1046, 0.5554),
    ],
    ids=["albumin", "total protein"],
)
def test_comparisons_of_the_published_example(other, printed, error, chi_square):
    test = delong_test(HELPED, other, SCORE)
    assert (test.difference, test.low, test.high, test.p) == pytest.approx(printed, abs=5e-5)
    assert (test.high - test.low) / (2 * norm.ppf(0.975)) == pytest.approx(error, abs=5e-5)
    assert norm.isf(test.p / 2) ** 2 == pytest.approx(chi_square, abs=5e-4)


def by_pairs(labels: np.ndarray, scores: list[np.ndarray]) -> tuple[list[Fraction], list[list[Fraction]]]:
    """The definition in whole fractions: psi = 1, 1/2 or 0 for each pair of a positive and a negative."""
    positives, negatives = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    m, n = len(positives), len(negatives)

    def psi(s: np.ndarray, i: int, j: int) -> Fraction:
        return Fraction(int(s[i] > s[j]) + int(s[i] >= s[j]), 2)

    v10 = [[sum(psi(s, i, j) for j in negatives) / Fraction(n) for i in positives] for s in scores]
    v01 = [[sum(psi(s, i, j) for i in positives) / Fraction(m) for j in negatives] for s in scores]
    areas = [sum(v) / Fraction(m) for v in v10]

    def spread(v: list[list[Fraction]], a: int, b: int, count: int) -> Fraction:
        pairs = zip(v[a], v[b], strict=True)
        return sum((x - areas[a]) * (y - areas[b]) for x, y in pairs) / Fraction((count - 1) * count)

    programs = range(len(scores))
    return areas, [[spread(v10, a, b, m) + spread(v01, a, b, n) for b in programs] for a in programs]


@pytest.mark.parametrize("digits", [1, 6])
def test_ranks_give_what_pairs_give(digits):
    rng = np.random.default_rng(digits)
    labels = (rng.random(60) < 0.4).astype(int)
    scores = [np.round(rng.normal(labels * shift), digits) for shift in (0.2, 1.0, 2.0)]
    areas, covariance = delong_covariance(labels, np.stack(scores))
    wanted_areas, wanted = by_pairs(labels, scores)
    np.testing.assert_allclose(areas, np.array(wanted_areas, float), rtol=0, atol=1e-12)
    np.testing.assert_allclose(covariance, np.array(wanted, float), rtol=0, atol=1e-12)
    for area, score in zip(areas, scores, strict=True):
        assert area == pytest.approx(roc_auc_score(labels, score), abs=1e-12)


def test_a_test_of_two_is_in_step_with_their_covariance():
    (a, b), covariance = delong_covariance(HELPED, np.stack([ALBUMIN, PROTEIN]))
    test = delong_test(HELPED, ALBUMIN, PROTEIN)
    error = sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert test.difference == pytest.approx(a - b, abs=1e-12)
    assert test.p == pytest.approx(2 * norm.sf((a - b) / error), abs=1e-12)
    back = delong_test(HELPED, PROTEIN, ALBUMIN)
    assert (back.difference, back.low, back.high, back.p) == pytest.approx(
        (-test.difference, -test.high, -test.low, test.p), abs=1e-12
    )


def test_the_interval_is_wald_on_the_log_odds():
    estimate = delong_auc(HELPED, ALBUMIN)
    area, error = estimate.value, sqrt(estimate.variance)
    centre, reach = np.log(area / (1 - area)), norm.ppf(0.975) * error / (area * (1 - area))
    ends = 1 / (1 + np.exp(-(centre + np.array([-reach, reach]))))
    assert (estimate.low, estimate.high) == pytest.approx(tuple(ends), abs=1e-12)


def test_programs_that_are_the_same_do_not_differ():
    test = delong_test(HELPED, ALBUMIN, 3 * ALBUMIN + 1)
    assert (test.difference, test.low, test.high, test.p) == (0, 0, 0, 1)
    hopeless = delong_test([1, 1, 0, 0], [4, 3, 2, 1], [1, 2, 3, 4])
    assert hopeless.difference == 1
    assert all(map(isnan, (hopeless.low, hopeless.high, hopeless.p)))


def test_an_area_of_one_is_not_known_for_sure():
    few = delong_auc([1] * 5 + [0] * 5, range(10, 0, -1))
    many = delong_auc([1] * 50 + [0] * 50, range(100, 0, -1))
    assert (few.value, few.high, few.variance) == (1, 1, 0)
    assert few.low < 0.8 < many.low < 1
    reverse = delong_auc([0] * 5 + [1] * 5, range(10, 0, -1))
    assert (reverse.low, reverse.high) == pytest.approx((0, 1 - few.low), abs=1e-9)


def test_an_area_of_one_counts_patients_where_they_are_told():
    labels, scores = np.repeat([1, 0], [50, 50]), np.arange(100, 0, -1)
    by_film, by_patient = delong_auc(labels, scores), delong_auc(labels, scores, np.arange(100) // 10)
    assert (by_patient.value, by_patient.high) == (1, 1)
    assert (by_patient.low, by_film.low) == (newcombe_auc(1, 5, 5)[0], newcombe_auc(1, 50, 50)[0])


def test_newcombes_ends_solve_newcombes_equation():
    """The measured area is 1.96 standard errors from each end, with the error at that end."""
    area, m, n = 0.8, 12, 30
    for end in newcombe_auc(area, m, n):
        others = (m + n) / 2 - 1
        variance = end * (1 - end) * (1 + others * (1 - end) / (2 - end) + others * end / (1 + end)) / (m * n)
        assert abs(area - end) == pytest.approx(norm.ppf(0.975) * sqrt(variance), abs=1e-9)


def test_a_single_film_of_a_class_has_an_interval_but_no_variance():
    estimate = delong_auc([1, 0, 0, 0], [0.6, 0.7, 0.2, 0.1])
    assert estimate.value == pytest.approx(2 / 3)
    assert isnan(estimate.variance)
    assert 0 < estimate.low < 2 / 3 < estimate.high < 1


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([1, 1], [0.1, 0.2], "2 films with 1, 0 with 0"),
        ([], [], "0 films with 1"),
        ([1, 0, 2], [0.1, 0.2, 0.3], "1 with something else"),
        ([1, 0], [0.1, nan], "1 films with NaN"),
        ([1, 0], [0.1, 0.2, 0.3], r"got \(2,\) and \(1, 3\)"),
    ],
)
def test_what_cannot_be_measured_is_refused(labels, scores, message):
    with pytest.raises(ValueError, match=message):
        delong_auc(labels, scores)


@pytest.mark.parametrize(("true", "films"), [(0.75, 40), (0.90, 40), (0.97, 100)])
def test_the_interval_covers(true, films):
    """500 studies with normal scores, half the films positive; at 95% three standard errors are 3 points."""
    rng = np.random.default_rng(films)
    labels, shift = np.arange(films) % 2, sqrt(2) * norm.ppf(true)
    held = 0
    for _ in range(500):
        estimate = delong_auc(labels, rng.normal(shift * labels))
        held += estimate.low <= true <= estimate.high
    assert 0.92 < held / 500 < 0.98


def test_the_interval_covers_where_areas_of_one_are_common():
    """Twelve films; two studies in three have no error at all, and Wald's interval would then be a point."""
    rng = np.random.default_rng(7)
    labels, shift = np.arange(12) % 2, sqrt(2) * norm.ppf(0.985)
    found = [delong_auc(labels, rng.normal(shift * labels)) for _ in range(400)]
    assert sum(e.value == 1 for e in found) > 200
    assert sum(e.low <= 0.985 <= e.high for e in found) / 400 > 0.93
