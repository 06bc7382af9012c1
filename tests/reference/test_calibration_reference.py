"""Calibrations against scikit-learn, and against the formulas of the papers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from pneumoscope.stats.calibration import Calibration
from pneumoscope.stats.fit_calibration import fit


def films(seed: int, count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, logits and Platt's targets."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.6).astype(np.int64)
    logits = rng.normal(np.where(labels == 1, 1.0, -1.2), 1.5)
    n1, n0 = labels.sum(), (1 - labels).sum()
    return labels, logits, np.where(labels == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))


def sklearn_logistic(columns: np.ndarray, targets: np.ndarray, intercept: bool) -> np.ndarray:
    """A soft target is the film twice: with label 1 and the target as weight, and with 0 and the rest."""
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000, fit_intercept=intercept)
    twice = np.repeat([1, 0], len(targets))
    model.fit(np.tile(columns, (2, 1)), twice, sample_weight=np.concatenate([targets, 1 - targets]))
    return np.r_[model.coef_[0], model.intercept_ if intercept else []]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_temperature_agrees_with_sklearn(seed):
    labels, logits, targets = films(seed)
    (slope,) = sklearn_logistic(logits[:, None], targets, intercept=False)
    ours = fit("temperature", labels, logits, float(labels.mean()))
    assert ours.slope == pytest.approx(slope, rel=1e-4)
    assert ours.intercept == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_beta_agrees_with_sklearn(seed):
    """As the paper fits it: logistic regression on ln p and -ln(1 - p) (Kull et al. 2017, section 4)."""
    labels, logits, targets = films(seed)
    p = expit(logits)
    a, b, c = sklearn_logistic(np.column_stack([np.log(p), -np.log1p(-p)]), targets, intercept=True)
    assert min(a, b) > 0
    ours = fit("beta", labels, logits, float(labels.mean()))
    assert (ours.slope, ours.slope + ours.bend, ours.intercept) == pytest.approx((a, b, c), rel=2e-3, abs=2e-3)


@pytest.mark.parametrize(("a", "b", "m"), [(0.2, 1.0, 0.5), (1.0, 0.2, 0.3), (2.0, 5.0, 0.7), (1.0, 1.0, 0.5)])
def test_beta_is_the_formula_of_the_paper(a, b, m):
    """mu(s; a, b, c) = 1 / (1 + 1 / (e^c * s^a / (1 - s)^b)), which is 1/2 at s = m for c = b ln(1-m) - a ln m."""
    s = np.linspace(0.01, 0.99, 99)
    c = b * np.log(1 - m) - a * np.log(m)
    published = 1 / (1 + 1 / (np.exp(c) * s**a / (1 - s) ** b))
    ours = Calibration(a, c, 0.5, bend=b - a)
    np.testing.assert_allclose(ours.probability(logit(s)), published, rtol=1e-9)
    assert float(ours.probability(logit(np.array(m)))) == pytest.approx(0.5)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_isotonic_goes_through_sklearns_blocks(seed, ties):
    labels, logits, targets = films(seed)
    logits = np.round(logits, 1) if ties else logits
    steps = IsotonicRegression().fit(logits, targets).predict(logits)
    ours = fit("isotonic", labels, logits, float(labels.mean()))
    levels = np.unique(steps.round(10))
    centres = np.array([logits[steps.round(10) == level].mean() for level in levels])
    np.testing.assert_allclose([u for u, _ in ours.knots[1:-1]], centres, rtol=1e-9)
    np.testing.assert_allclose(ours.probability(centres), levels, rtol=1e-8)
    assert ours.probability(logits).min() > 0
    assert ours.probability(logits).max() < 1
