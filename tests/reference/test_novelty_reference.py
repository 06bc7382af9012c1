"""Novelty measures against scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from pneumoscope.stats.fit_novelty import classifier, gaussian, principal
from pneumoscope.stats.novelty import energy, knn_distance, log_odds_against_first, mahalanobis, residual

RNG = np.random.default_rng(5)
FILMS = RNG.gamma(2.0, 1.0, (300, 12)) @ RNG.normal(size=(12, 12)) + 3
STRANGE = RNG.normal(size=(40, 12)) * 4


def test_mahalanobis_in_all_directions_is_scikit_learns():
    theirs = EmpiricalCovariance().fit(FILMS).mahalanobis(STRANGE) / 12
    np.testing.assert_allclose(mahalanobis(STRANGE, gaussian(FILMS, 12)), theirs, rtol=1e-9)


def test_mahalanobis_in_some_directions_is_that_of_probabilistic_pca():
    """scikit-learn's variances divide by N - 1, and its noise is the mean of the other eigenvalues."""
    pca = PCA(5).fit(FILMS)
    away = STRANGE - pca.mean_
    theirs = np.einsum("ij,jk,ik->i", away, pca.get_precision(), away) / 12
    np.testing.assert_allclose(mahalanobis(STRANGE, gaussian(FILMS, 5)) * 299 / 300, theirs, rtol=1e-9)


def test_the_directions_are_those_of_a_truncated_svd():
    theirs = TruncatedSVD(4, algorithm="arpack", random_state=0).fit(FILMS).components_
    ours = principal(FILMS, 4)
    np.testing.assert_allclose(ours @ ours.T, theirs.T @ theirs, atol=1e-9)


def test_what_they_do_not_explain_is_what_the_svd_cannot_reconstruct():
    svd = TruncatedSVD(4, algorithm="arpack", random_state=0).fit(FILMS)
    lost = STRANGE - svd.inverse_transform(svd.transform(STRANGE))
    share = (lost**2).sum(axis=1) / (STRANGE**2).sum(axis=1)
    np.testing.assert_allclose(residual(STRANGE, principal(FILMS, 4)), np.log(share), rtol=1e-9)


@pytest.mark.parametrize("k", [1, 7])
def test_the_nearest_films_are_scikit_learns(k):
    unit = FILMS / np.linalg.norm(FILMS, axis=1, keepdims=True)
    search = NearestNeighbors(n_neighbors=k).fit(unit)
    theirs, _ = search.kneighbors(STRANGE / np.linalg.norm(STRANGE, axis=1, keepdims=True))
    np.testing.assert_allclose(knn_distance(STRANGE, FILMS, k), theirs[:, -1], atol=1e-7)


def test_energy_is_the_log_sum_of_exponents():
    logits = RNG.normal(size=(20, 3)) * 30
    pairs = np.stack([np.zeros_like(logits), logits])
    np.testing.assert_allclose(energy(logits), -logsumexp(pairs, axis=0).sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("kinds", [2, 4])
def test_the_classifier_is_scikit_learns_on_standardised_inputs(kinds):
    names = RNG.integers(0, kinds, len(FILMS))
    counted = RNG.uniform(0.5, 2, len(FILMS))
    weights, bias = classifier(FILMS, names, counted, 0.1)
    spread = FILMS.std(axis=0) + 0.05 * FILMS.std(axis=0).mean()
    scaled = (FILMS - FILMS.mean(axis=0)) / spread
    model = LogisticRegression(C=0.1, max_iter=200, tol=1e-3).fit(scaled, names, sample_weight=counted)
    chances = model.predict_proba(scaled)
    odds = log_odds_against_first(FILMS @ weights + bias)
    np.testing.assert_allclose(odds, np.log((1 - chances[:, 0]) / chances[:, 0]), atol=1e-8)
