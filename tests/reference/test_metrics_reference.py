"""Our figures against those of other libraries, and against the formulas written out."""

from __future__ import annotations

import warnings
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm
from sklearn import metrics as sklearn_metrics
from sklearn.linear_model import LogisticRegression

from pneumoscope.stats import metrics
from pneumoscope.stats.calibration import Calibration
from pneumoscope.stats.intervals import wilson
from pneumoscope.stats.platt import fit_platt


def scored(seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 300)
    scores = np.clip(rng.beta(2, 2, 300) + 0.2 * (labels - 0.5), 0.001, 0.999)
    return labels, np.round(scores, 1).clip(0.1, 0.9) if ties else scores


@pytest.fixture(scope="module")
def torchmetrics() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports, which are not ours to mend
        return pytest.importorskip("torchmetrics.functional.classification")


_THEIR_NAMES = {"npv": "negative_predictive_value"}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_metrics_agree_with_torchmetrics(torchmetrics, seed, ties):
    import torch

    labels, scores = scored(seed, ties)
    decisions = (scores >= 0.5).astype(np.int64)
    target, given, decided = torch.from_numpy(labels), torch.from_numpy(scores), torch.from_numpy(decisions)
    assert metrics.auc(labels, scores) == pytest.approx(float(torchmetrics.binary_auroc(given, target)), abs=1e-6)
    right = labels == decisions
    for name, films in metrics.measured_of(labels, decisions).items():
        theirs = getattr(torchmetrics, f"binary_{_THEIR_NAMES.get(name, name)}")(decided, target)
        assert right[films].mean() == pytest.approx(float(theirs), abs=1e-6), name


@pytest.mark.parametrize("ties", [False, True])
def test_metrics_agree_with_sklearn(ties):
    labels, scores = scored(3, ties)
    decisions = (scores >= 0.5).astype(np.int64)
    assert metrics.auc(labels, scores) == pytest.approx(sklearn_metrics.roc_auc_score(labels, scores))
    assert metrics.log_losses(labels, scores).mean() == pytest.approx(sklearn_metrics.log_loss(labels, scores))
    right = labels == decisions
    shares = {name: right[films].mean() for name, films in metrics.measured_of(labels, decisions).items()}
    assert shares == pytest.approx(
        {
            "accuracy": sklearn_metrics.accuracy_score(labels, decisions),
            "recall": sklearn_metrics.recall_score(labels, decisions),
            "specificity": sklearn_metrics.recall_score(labels, decisions, pos_label=0),
            "precision": sklearn_metrics.precision_score(labels, decisions),
            "npv": sklearn_metrics.precision_score(labels, decisions, pos_label=0),
        }
    )


@pytest.mark.parametrize(("hits", "total"), [(0, 1), (1, 1), (3, 7), (390, 390), (12, 624), (5216, 5216)])
def test_wilson_is_its_formula(hits, total):
    """Wilson 1927: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)."""
    p, z = hits / total, norm.ppf(0.975)
    middle = p + z**2 / (2 * total)
    reach = z * sqrt(p * (1 - p) / total + z**2 / (4 * total**2))
    ends = np.clip((np.array([middle - reach, middle + reach])) / (1 + z**2 / total), 0, 1)
    estimate = wilson(hits, total)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(ends), abs=1e-12)


@pytest.mark.parametrize(
    ("positives", "negatives", "shift"), [(80, 80, 1.0), (200, 40, 2.0), (9, 60, 0.3), (30, 30, 9.0)]
)
def test_platt_agrees_with_sklearn(positives, negatives, shift):
    """A soft target is the same as the film twice: with label 1 and the target as weight, with 0 and the rest."""
    rng = np.random.default_rng(positives)
    labels = np.repeat([1, 0], [positives, negatives])
    logits = rng.normal(labels * shift, 1.0)
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    reference.fit(
        np.tile(logits, 2)[:, np.newaxis],
        np.repeat([1, 0], len(labels)),
        sample_weight=np.concatenate([targets, 1 - targets]),
    )
    ours = fit_platt(labels, logits, prevalence=positives / (positives + negatives))
    theirs = float(reference.coef_[0, 0]), float(reference.intercept_[0])
    assert (ours.slope, ours.intercept) == pytest.approx(theirs, rel=1e-3, abs=1e-3)


def test_calibration_is_the_logistic_function():
    logits = np.linspace(-30, 30, 601)
    ours = Calibration(1.5, -0.25, 0.5).probability(logits)
    np.testing.assert_allclose(ours, expit(1.5 * logits - 0.25), rtol=0, atol=1e-15)
