from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from msgspec.structs import astuple
from sklearn import metrics as sklearn_metrics

from pneumoscope.evaluation.measures import Answers, choice_measures, label_measures
from pneumoscope.stats.delong import delong_auc
from pneumoscope.stats.intervals import wilson

NAMES = ("normal", "bacterial", "viral", "tuberculosis", "tumour")


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(import_module("pneumoscope.evaluation.measures"), "RESAMPLES", 50)


@pytest.mark.parametrize(("classes", "seed"), [(2, 0), (3, 1), (5, 2)])
def test_the_choice_among_labels_is_measured_as_by_sklearn(classes, seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=200)
    scores = rng.normal(size=(200, classes)) + 1.5 * np.eye(classes)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    measured = choice_measures(NAMES[:classes], truth, probabilities, [f"p{i // 2}" for i in range(200)])
    chosen = probabilities.argmax(axis=1)
    assert np.array_equal(measured.confusion, sklearn_metrics.confusion_matrix(truth, chosen))
    accuracy, area = measured.metrics["accuracy"], measured.metrics["macro_auc"]
    assert accuracy.value == pytest.approx(sklearn_metrics.accuracy_score(truth, chosen))
    wanted = probabilities[:, 1] if classes == 2 else probabilities
    assert area.value == pytest.approx(sklearn_metrics.roc_auc_score(truth, wanted, multi_class="ovr", average="macro"))
    for estimate in (accuracy, area):
        assert estimate.low < estimate.value < estimate.high


def test_a_label_that_is_never_true_has_a_row_and_a_column_but_no_auc():
    measured = choice_measures(NAMES[:3], np.array([0, 1, 1]), np.eye(3)[[0, 1, 2]], ["a", "b", "c"])
    assert measured.confusion == ((1, 0, 0), (0, 1, 1), (0, 0, 0))
    assert measured.metrics["macro_auc"].value is None
    assert measured.metrics["macro_auc"].reason == "no film of which viral is true"
    assert measured.metrics["accuracy"].value == pytest.approx(2 / 3)


def test_no_film_has_no_metrics():
    nobody = Answers(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), [])
    assert label_measures(nobody).metrics == {}
    assert astuple(label_measures(nobody).confusion) == (0, 0, 0, 0)
    measured = choice_measures(NAMES[:2], np.zeros(0, np.int64), np.zeros((0, 2)), [])
    assert (measured.films, measured.metrics, measured.confusion) == (0, {}, ((0, 0), (0, 0)))


def answered(truth: list[int], probabilities: list[float]) -> Answers:
    p = np.array(probabilities)
    return Answers(np.array(truth), p, (p >= 0.5).astype(np.int64), np.arange(len(p)))


def test_intervals_are_the_wider_of_two_methods():
    """Without an error the bootstrap alone would be sure of everything."""
    perfect = label_measures(answered([0] * 20 + [1] * 20, [0.1] * 20 + [0.9] * 20)).metrics
    sure = {name: estimate.low for name, estimate in perfect.items() if estimate.value == 1}
    wide = {"auc", "accuracy", "recall", "specificity", "precision", "npv", "weighted_recall"}
    assert {name for name, low in sure.items() if low < 1} == wide
    assert sure["recall"] == pytest.approx(wilson(20, 20).low)
    assert sure["auc"] == pytest.approx(delong_auc([0] * 20 + [1] * 20, [0.1] * 20 + [0.9] * 20).low)


@pytest.mark.parametrize(
    ("truth", "probabilities", "reason"),
    [
        ([1, 1], [0.1, 0.2], "every film has the label, none was answered with yes"),
        ([0, 0], [0.1, 0.9], "no film has the label"),
        ([0, 1], [0.6, 0.9], "all were answered with yes"),
    ],
)
def test_a_figure_that_is_not_defined_says_why(truth, probabilities, reason):
    found = label_measures(answered(truth, probabilities)).metrics
    assert {figure.reason for figure in found.values() if figure.value is None} == {reason}
    assert all(figure.reason == "" for figure in found.values() if figure.value is not None)


def test_the_order_of_the_films_does_not_matter_to_the_figures():
    rng = np.random.default_rng(0)
    truth, p, order = rng.integers(0, 2, 50), rng.random(50), rng.permutation(50)
    one, other = (label_measures(answered(truth[i].tolist(), p[i].tolist())).metrics for i in (np.arange(50), order))
    assert {k: v.value for k, v in one.items()} == pytest.approx({k: v.value for k, v in other.items()})


def test_a_choice_by_another_rule_than_the_most_probable_is_measured_as_it_was_told():
    rng = np.random.default_rng(4)
    truth, told = rng.integers(3, size=150), rng.integers(3, size=150)
    probabilities = rng.dirichlet(np.ones(3), size=150)
    measured = choice_measures(NAMES[:3], truth, probabilities, [f"p{i}" for i in range(150)], told)
    assert np.array_equal(measured.confusion, sklearn_metrics.confusion_matrix(truth, told))
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(truth, told),
        "macro_recall": sklearn_metrics.balanced_accuracy_score(truth, told),
        "macro_f1": sklearn_metrics.f1_score(truth, told, average="macro"),
        "mcc": sklearn_metrics.matthews_corrcoef(truth, told),
        "macro_auc": sklearn_metrics.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro"),
    }
    assert {name: measured.metrics[name].value for name in expected} == pytest.approx(expected)
