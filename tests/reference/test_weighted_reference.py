"""Our weighted figures against scikit-learn's and torchmetrics', with weights and without.

A film of weight 2 has to be the film twice, so where the other library takes no weights it is shown the films repeated.
"""

from __future__ import annotations

import warnings
from math import isnan
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from pneumoscope.stats.weighted import chosen, decided, ranked, scored, together

EXACT = {"abs": 1e-9, "rel": 0}
FLOAT32 = {"abs": 2e-6, "rel": 0}
"""torchmetrics' areas and calibration errors are in single precision."""


class Sample:
    """Some 300 films with scores and weights; ``ties`` leaves a hundredth in which most scores are shared."""

    def __init__(self, seed: int, ties: bool) -> None:
        rng = np.random.default_rng(seed)
        self.labels = rng.integers(0, 2, 307)
        p = np.clip(rng.beta(2, 2, 307) + 0.2 * (self.labels - 0.5), 0.001, 0.999)
        self.p = np.round(p, 2).clip(0.01, 0.99) if ties else p
        self.decisions = (self.p >= 0.45).astype(np.int64)
        self.counts = rng.integers(0, 4, 307)
        self.weights = self.counts.astype(np.float64)

    def repeated(self, values: np.ndarray) -> np.ndarray:
        return np.repeat(values, self.counts, axis=0)


@pytest.fixture(params=[(1, False), (2, False), (3, True), (4, True)], ids=lambda p: f"seed{p[0]}{'-ties' * p[1]}")
def sample(request) -> Sample:
    return Sample(*request.param)


@pytest.fixture(scope="module")
def torchmetrics() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports, which are not ours to mend
        return pytest.importorskip("torchmetrics.functional.classification")


def sklearn_scored(labels: np.ndarray, p: np.ndarray, weights: np.ndarray | None) -> dict[str, float]:
    return {
        "auc": sk.roc_auc_score(labels, p, sample_weight=weights),
        "average_precision": sk.average_precision_score(labels, p, sample_weight=weights),
        "log_loss": sk.log_loss(labels, p, sample_weight=weights),
        "brier": sk.brier_score_loss(labels, p, sample_weight=weights),
    }


def sklearn_decided(labels: np.ndarray, decisions: np.ndarray, weights: np.ndarray | None) -> dict[str, float]:
    given = {"sample_weight": weights}
    return {
        "accuracy": sk.accuracy_score(labels, decisions, **given),
        "recall": sk.recall_score(labels, decisions, **given),
        "specificity": sk.recall_score(labels, decisions, pos_label=0, **given),
        "precision": sk.precision_score(labels, decisions, **given),
        "npv": sk.precision_score(labels, decisions, pos_label=0, **given),
        "f1": sk.f1_score(labels, decisions, **given),
        "mcc": sk.matthews_corrcoef(labels, decisions, **given),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, decisions, **given),
        "weighted_recall": sk.recall_score(labels, decisions, average="weighted", **given),
    }


def test_figures_of_scores_are_those_of_sklearn(sample):
    ours = scored(sample.labels, sample.p)
    for weights in (sample.weights, sample.weights / 3 + 0.1):  # whole ones, and any
        theirs = sklearn_scored(sample.labels, sample.p, weights)
        assert {name: ours(weights)[name] for name in theirs} == pytest.approx(theirs, **EXACT)
    plain = sklearn_scored(sample.labels, sample.p, None)
    assert {name: ours(np.ones(307))[name] for name in plain} == pytest.approx(plain, **EXACT)


def test_figures_of_decisions_are_those_of_sklearn(sample):
    ours = decided(sample.labels, sample.decisions)
    for weights in (sample.weights, sample.weights / 3 + 0.1):
        assert ours(weights) == pytest.approx(sklearn_decided(sample.labels, sample.decisions, weights), **EXACT)
    assert ours(np.ones(307)) == pytest.approx(sklearn_decided(sample.labels, sample.decisions, None), **EXACT)


def filled_error(labels: np.ndarray, p: np.ndarray) -> float:
    """scikit-learn's equally filled bins, each with the share of the films that scikit-learn puts into it."""
    share, mean = calibration_curve(labels, p, n_bins=10, strategy="quantile")
    inner = np.percentile(p, np.linspace(0, 100, 11))[1:-1]
    films = np.bincount(np.searchsorted(inner, p), minlength=10)
    return float(np.sum(films[films > 0] * np.abs(share - mean)) / len(p))


def test_calibration_errors_are_those_of_torchmetrics_and_sklearn(torchmetrics, sample):
    import torch

    p = sample.p + 1e-7  # no film right on the border of two bins, where single precision decides
    ours = scored(sample.labels, p)
    for weights, labels, shown in (
        (np.ones(307), sample.labels, p),
        (sample.weights, sample.repeated(sample.labels), sample.repeated(p)),
    ):
        theirs = torchmetrics.binary_calibration_error(torch.from_numpy(shown), torch.from_numpy(labels), 10, "l1")
        assert ours(weights)["calibration_error"] == pytest.approx(float(theirs), **FLOAT32)
        assert ours(weights)["calibration_error_filled"] == pytest.approx(filled_error(labels, shown), **EXACT)


def test_figures_are_those_of_torchmetrics(torchmetrics, sample):
    import torch

    labels, p, decisions = (sample.repeated(x) for x in (sample.labels, sample.p, sample.decisions))
    target, given, told = torch.from_numpy(labels), torch.from_numpy(p), torch.from_numpy(decisions)
    measures = together(scored(sample.labels, sample.p), decided(sample.labels, sample.decisions))
    ours = measures(sample.weights)
    theirs = {
        "auc": torchmetrics.binary_auroc(given, target),
        "average_precision": torchmetrics.binary_average_precision(given, target),
        "log_loss": torch.nn.functional.binary_cross_entropy(given, target.double()),
        "brier": torch.nn.functional.mse_loss(given, target.double()),
        "accuracy": torchmetrics.binary_accuracy(told, target),
        "recall": torchmetrics.binary_recall(told, target),
        "specificity": torchmetrics.binary_specificity(told, target),
        "precision": torchmetrics.binary_precision(told, target),
        "npv": torchmetrics.binary_negative_predictive_value(told, target),
        "f1": torchmetrics.binary_f1_score(told, target),
        "mcc": torchmetrics.binary_matthews_corrcoef(told, target),
        "balanced_accuracy": torchmetrics.multiclass_recall(told, target, num_classes=2, average="macro"),
        "weighted_recall": torchmetrics.multiclass_recall(told, target, num_classes=2, average="weighted"),
    }
    assert {name: ours[name] for name in theirs} == pytest.approx(
        {name: float(value) for name, value in theirs.items()}, **FLOAT32
    )
    assert set(ours) - set(theirs) == {"calibration_error", "calibration_error_filled"}


def several(kinds: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(kinds, size=250)
    logits = rng.normal(size=(250, kinds)) + np.eye(kinds)[truth]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return truth, p, rng.integers(1, 4, 250)


@pytest.mark.parametrize("kinds", [2, 3, 5])
def test_a_choice_among_several_is_measured_as_by_sklearn(kinds):
    truth, p, counts = several(kinds, seed=kinds)
    told = p.argmax(axis=1)
    for weights in (np.ones(250), counts.astype(np.float64), counts / 3):
        areas = [sk.roc_auc_score(truth == k, p[:, k], sample_weight=weights) for k in range(kinds)]
        assert chosen(truth, p)(weights) == pytest.approx(
            {
                "accuracy": sk.accuracy_score(truth, told, sample_weight=weights),
                "macro_auc": np.mean(areas),
                "macro_recall": sk.recall_score(truth, told, average="macro", sample_weight=weights),
                "weighted_recall": sk.recall_score(truth, told, average="weighted", sample_weight=weights),
                "macro_f1": sk.f1_score(truth, told, average="macro", sample_weight=weights),
                "mcc": sk.matthews_corrcoef(truth, told, sample_weight=weights),
            },
            **EXACT,
        )


@pytest.mark.parametrize("kinds", [3, 5])
def test_a_choice_among_several_is_measured_as_by_torchmetrics(torchmetrics, kinds):
    import torch

    truth, p, counts = several(kinds, seed=10 + kinds)
    target, given = torch.from_numpy(np.repeat(truth, counts)), torch.from_numpy(np.repeat(p, counts, axis=0))
    theirs = {
        "accuracy": torchmetrics.multiclass_accuracy(given, target, kinds, average="micro"),
        "macro_auc": torchmetrics.multiclass_auroc(given, target, kinds, average="macro"),
        "macro_recall": torchmetrics.multiclass_recall(given, target, kinds, average="macro"),
        "weighted_recall": torchmetrics.multiclass_recall(given, target, kinds, average="weighted"),
        "macro_f1": torchmetrics.multiclass_f1_score(given, target, kinds, average="macro"),
        "mcc": torchmetrics.multiclass_matthews_corrcoef(given, target, kinds),
    }
    ours = chosen(truth, p)(counts.astype(np.float64))
    assert ours == pytest.approx({name: float(value) for name, value in theirs.items()}, **FLOAT32)


@pytest.mark.parametrize(
    ("labels", "decisions", "undefined"),
    [
        ([1, 1], [1, 0], {"auc", "specificity", "mcc", "balanced_accuracy"}),
        ([0, 0], [1, 0], {"auc", "average_precision", "recall", "mcc", "balanced_accuracy"}),
        ([0, 0], [0, 0], {"auc", "average_precision", "recall", "precision", "f1", "mcc", "balanced_accuracy"}),
        ([0, 1], [0, 0], {"precision", "mcc"}),
        ([0, 1], [1, 1], {"npv", "mcc"}),
        ([0, 1], [0, 1], set()),
    ],
)
def test_what_is_not_defined_is_not_a_number(labels, decisions, undefined):
    p = np.array([0.3, 0.6])
    truth, told = np.array(labels), np.array(decisions)
    found = together(scored(truth, p), decided(truth, told))(np.ones(2))
    assert {name for name, value in found.items() if isnan(value)} == undefined


def test_a_draw_without_a_class_is_as_films_without_it():
    """The same by weights of zero as by films that are not there."""
    labels, p = np.array([0, 1, 1]), np.array([0.5, 0.2, 0.7])
    drawn = scored(labels, p)(np.array([0.0, 2.0, 1.0]))
    alone = scored(labels[1:], p[1:])(np.array([2.0, 1.0]))
    assert drawn == pytest.approx(alone, nan_ok=True)
    assert isnan(drawn["auc"])


def test_no_film_at_all_has_no_figure():
    nobody = np.zeros(0, np.int64)
    found = together(scored(nobody, np.zeros(0)), decided(nobody, nobody), ranked(nobody, np.zeros(0)))(np.zeros(0))
    assert all(map(isnan, found.values()))
    assert all(map(isnan, scored(np.array([1]), np.array([0.5]))(np.zeros(1)).values()))


def test_films_in_order_of_their_score_are_measured_as_in_any_other_order():
    sample = Sample(5, ties=True)
    order = np.argsort(sample.p, kind="stable")
    ordered = scored(sample.labels[order], sample.p[order])(sample.weights[order])
    assert ordered == pytest.approx(scored(sample.labels, sample.p)(sample.weights), **EXACT)
