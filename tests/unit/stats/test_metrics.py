"""Seven films worked out by hand."""

from __future__ import annotations

from math import isnan, log

import numpy as np
import pytest

from pneumoscope.stats import metrics
from pneumoscope.stats.weighted import scored

LABELS = np.array([1, 1, 1, 0, 0, 0, 0])
SCORES = np.array([0.9, 0.4, 0.4, 0.4, 0.3, 0.2, 0.6])
DECISIONS = (SCORES >= 0.4).astype(np.int64)  # finds all three, and two too many


def test_auc_counts_pairs_and_half_the_ties():
    """Of 12 pairs the first positive wins 4; each of the other two wins 2, ties 1 and loses 1."""
    assert metrics.auc(LABELS, SCORES) == pytest.approx((4 + 2.5 + 2.5) / 12)


@pytest.mark.parametrize("label", [0, 1])
def test_auc_of_one_class_is_not_a_number(label):
    assert isnan(metrics.auc(np.full(3, label), np.array([0.1, 0.2, 0.3])))


def test_log_loss_and_brier():
    likelihoods = [0.9, 0.4, 0.4, 0.6, 0.7, 0.8, 0.4]
    found = scored(LABELS, SCORES)(np.ones(7))
    assert found["log_loss"] == pytest.approx(-sum(map(log, likelihoods)) / 7)
    assert found["brier"] == pytest.approx(sum((1 - p) ** 2 for p in likelihoods) / 7)


def test_a_film_that_was_wrongly_given_0_or_1_costs_much_but_not_everything():
    losses = metrics.log_losses(np.array([1, 0, 1, 0]), np.array([0.5, 0.75, 0.0, 1.0]))
    assert losses[:2] == pytest.approx([log(2), log(4)])
    assert losses[2:] == pytest.approx([52 * log(2)] * 2)


def test_confusion_and_its_shares():
    assert metrics.confusion(LABELS, DECISIONS) == {
        "true_positive": 3,
        "false_positive": 2,
        "true_negative": 2,
        "false_negative": 0,
    }
    right = LABELS == DECISIONS
    shares = {name: (right[films].sum(), films.sum()) for name, films in metrics.measured_of(LABELS, DECISIONS).items()}
    assert shares == {
        "accuracy": (5, 7),
        "recall": (3, 3),
        "specificity": (2, 4),
        "precision": (3, 5),
        "npv": (2, 2),
    }


def test_nothing_found_is_no_error():
    nothing = np.zeros(7, np.int64)
    assert not metrics.measured_of(LABELS, nothing)["precision"].any()


def test_one_class_still_has_four_counts():
    ones = np.ones(2, np.int64)
    assert list(metrics.confusion(ones, ones).values()) == [2, 0, 0, 0]
