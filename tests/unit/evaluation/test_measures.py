from __future__ import annotations

from importlib import import_module
from math import isnan

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from pneumoscope.evaluation.measures import Answers, argmax_measures, label_measures


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    monkeypatch.setattr(import_module("pneumoscope.evaluation.measures"), "RESAMPLES", 50)


@pytest.mark.parametrize(("classes", "seed"), [(2, 0), (3, 1), (5, 2)])
def test_the_choice_among_labels_is_measured_as_by_sklearn(classes, seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=200)
    scores = rng.normal(size=(200, classes)) + 1.5 * np.eye(classes)[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    measured = argmax_measures(truth, probabilities, [f"p{i // 2}" for i in range(200)])
    chosen = probabilities.argmax(axis=1)
    assert measured["confusion"] == sklearn_metrics.confusion_matrix(truth, chosen).tolist()
    accuracy, area = measured["metrics"]["accuracy"], measured["metrics"]["macro_auc"]
    assert accuracy.value == pytest.approx(sklearn_metrics.accuracy_score(truth, chosen))
    wanted = probabilities[:, 1] if classes == 2 else probabilities
    assert area.value == pytest.approx(sklearn_metrics.roc_auc_score(truth, wanted, multi_class="ovr", average="macro"))
    for estimate in (accuracy, area):
        assert estimate.low < estimate.value < estimate.high


def test_a_label_that_is_never_true_has_a_row_and_a_column_but_no_auc():
    measured = argmax_measures(np.array([0, 1, 1]), np.eye(3)[[0, 1, 2]], ["a", "b", "c"])
    assert measured["confusion"] == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]
    assert isnan(measured["metrics"]["macro_auc"].value)
    assert measured["metrics"]["accuracy"].value == pytest.approx(2 / 3)


def test_no_film_has_no_metrics():
    nobody = Answers(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), [])
    assert label_measures(nobody)["metrics"] == {}
    assert set(label_measures(nobody)["confusion"].values()) == {0}
    measured = argmax_measures(np.zeros(0, np.int64), np.zeros((0, 2)), [])
    assert measured == {"metrics": {}, "confusion": [[0, 0], [0, 0]]}
