from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.stats.fit_novelty import gaussian, principal
from pneumoscope.stats.novelty import knn_distance, log_odds_against_first, mahalanobis, residual

RNG = np.random.default_rng(0)
PLANE = np.linalg.qr(RNG.normal(size=(6, 2)))[0]
FILMS = RNG.normal(size=(200, 2)) @ PLANE.T + 5 * PLANE[:, 0] + 0.01 * RNG.normal(size=(200, 6))


def test_what_lies_outside_of_the_films_directions_is_stranger():
    basis = principal(FILMS, 2)
    away = np.linalg.svd(PLANE.T)[2][-1]  # orthogonal to the plane
    shares = [residual((PLANE[:, 0] + step * away)[np.newaxis], basis)[0] for step in (0.0, 0.1, 0.5, 2.0)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(np.log(4 / 5), abs=0.01)
    assert residual(away[np.newaxis], basis)[0] == pytest.approx(0.0, abs=0.01)


def test_only_the_direction_of_the_features_counts():
    basis = principal(FILMS, 2)
    np.testing.assert_allclose(residual(FILMS, basis), residual(7 * FILMS, basis), rtol=1e-6)
    assert residual(np.zeros((1, 6)), basis)[0] == 0.0  # no feature at all is like no film


def test_films_like_those_it_was_fitted_on_are_about_one_away():
    normal = RNG.normal(size=(4000, 5))
    assert mahalanobis(normal, gaussian(normal, 3)).mean() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("directions", [0, 7])
def test_a_wrong_number_of_directions_is_refused(directions):
    for fit in (principal, gaussian):
        with pytest.raises(ValueError, match=f"expected 1 to 6, got {directions}"):
            fit(FILMS, directions)


@pytest.mark.parametrize("k", [0, 201])
def test_a_neighbour_that_is_not_there_is_refused(k):
    with pytest.raises(ValueError, match=f"expected 1 to 200.*got {k}"):
        knn_distance(FILMS, FILMS, k)


def test_log_odds_of_extreme_scores_are_finite():
    odds = log_odds_against_first(np.array([[0.0, 900.0, 900.0], [900.0, 0.0, 0.0]]))
    np.testing.assert_allclose(odds, [900 + np.log(2), np.log(2) - 900])
