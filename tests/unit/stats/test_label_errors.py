from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.stats.label_errors import confident_joint, find_label_errors

EVEN = np.array([0, 1] * 10)


def of_class_1(*probabilities: float) -> np.ndarray:
    return np.array([[1 - p, p] for p in probabilities])


def planted(films: int, errors: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, set[int]]:
    """Given labels, probabilities that know the true ones, and which labels are wrong."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, films)
    wrong = rng.choice(films, errors, replace=False)
    given = true.copy()
    given[wrong] = (true[wrong] + rng.integers(1, classes, errors)) % classes
    logits = rng.normal(0, 0.7, (films, classes))
    logits[np.arange(films), true] += 8
    odds = np.exp(logits)
    return given, odds / odds.sum(axis=1, keepdims=True), set(wrong.tolist())


@pytest.mark.parametrize("ranked_by", ["normalised_margin", "self_confidence"])
@pytest.mark.parametrize("classes", [2, 4])
def test_planted_errors_are_found(classes, ranked_by):
    labels, probabilities, wrong = planted(800, 40, classes)
    found = find_label_errors(labels, probabilities, ranked_by=ranked_by)
    assert set(found.tolist()) == wrong
    joint = confident_joint(labels, probabilities)
    assert joint.sum() - np.trace(joint) == len(wrong)
    assert joint.sum(axis=1).tolist() == np.bincount(labels).tolist()


def test_the_joint_by_hand():
    """Thresholds: class 0 (0.9 + 0.9 + 0.8 + 0.2 + 0.2) / 5 = 0.6, class 1 (0.7 + 0.9 + 0.1 + 0.7) / 4 = 0.6.

    Label 0: three films count for class 0, two for class 1. Label 1: one for class 0, three for class 1.
    """
    labels = np.array([0] * 5 + [1] * 4)
    probabilities = of_class_1(0.1, 0.1, 0.2, 0.8, 0.8, 0.7, 0.9, 0.1, 0.7)
    assert confident_joint(labels, probabilities).tolist() == [[3, 2], [1, 3]]
    assert find_label_errors(labels, probabilities).tolist() == [7, 3, 4]


def test_films_that_reach_no_threshold_are_shared_out_like_the_others():
    """Thresholds 0.7 and 0.8; label 0: two films for class 0, one for class 1, three undecided: 6 * (2, 1) / 3."""
    labels = np.array([0] * 6 + [1] * 2)
    probabilities = of_class_1(0.05, 0.05, 0.9, 0.34, 0.33, 0.33, 0.8, 0.8)
    np.testing.assert_allclose(probabilities[labels == 0, 0].mean(), 2 / 3)
    assert confident_joint(labels, probabilities).tolist() == [[5, 1], [0, 2]]
    low = of_class_1(0.05, 0.05, 0.9, 0.4, 0.4, 0.4, 0.8, 0.8)  # the mean falls below 0.6 + 0.05: still undecided
    assert confident_joint(labels, low).tolist() == [[4, 2], [0, 2]]


def test_the_most_suspicious_come_first():
    labels = np.array([0] * 20 + [1] * 20)
    probabilities = of_class_1(*[0.05] * 17, 0.9, 0.99, 0.95, *[0.95] * 18, 0.02, 0.04)
    assert find_label_errors(labels, probabilities).tolist() == [18, 38, 39, 19, 17]


def test_the_two_rankings_differ_with_three_classes():
    """Film 0 has the least of its label's class; film 1 the most of another, beyond its own."""
    labels = np.array([0, 0] + [0, 1, 2] * 10)
    sure = np.eye(3)[[0, 1, 2] * 10] * 0.7 + 0.1
    probabilities = np.concatenate([[[0.03, 0.85, 0.12], [0.04, 0.96, 0.0]], sure])
    assert find_label_errors(labels, probabilities, ranked_by="normalised_margin").tolist() == [1, 0]
    assert find_label_errors(labels, probabilities, ranked_by="self_confidence").tolist() == [0, 1]


@pytest.mark.parametrize("probabilities", [[0.5] * 20, [0.5000001, 0.4999999] * 10, [0.3, 0.7] * 10, [0, 1] * 10])
def test_where_nothing_speaks_against_the_labels_nothing_is_found(probabilities):
    assert find_label_errors(EVEN, of_class_1(*probabilities)).tolist() == []


def test_a_class_keeps_a_film():
    labels = np.array([0] * 10 + [1] * 3)
    against = of_class_1(*[0.1] * 10, 0.01, 0.02, 0.03)
    assert find_label_errors(labels, against).tolist() == [10, 11]
    assert find_label_errors(labels[:11], against[:11]).tolist() == []  # its only film


def test_a_class_without_films_gets_none():
    """Films look most like class 2, which no label names: there is no telling how probable it ought to be."""
    probabilities = np.tile([[0.3, 0.1, 0.6], [0.1, 0.3, 0.6]], (10, 1))
    assert confident_joint(EVEN, probabilities).tolist() == [[10, 0, 0], [0, 10, 0], [0, 0, 0]]


def test_equal_probabilities_reach_their_own_mean():
    """The mean of seven equal numbers comes out above them; that must not make the films undecided."""
    probabilities, labels = of_class_1(*[3 * 0.2] * 14), np.array([0] * 7 + [1] * 7)
    assert probabilities[:7, 1].mean() > probabilities[0, 1]
    assert confident_joint(labels, probabilities).tolist() == [[1, 6], [0, 7]]


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        (EVEN, of_class_1(*[0.5] * 19, np.nan), r"expected 0 to 1, got \[nan, nan\] at index 19"),
        (EVEN, of_class_1(*[0.5] * 19, 1.5), r"expected 0 to 1, got \[-0.5, 1.5\] at index 19"),
        (EVEN, np.full((20, 2), 0.4), r"sum to one .* got 0.8 at index 0 \(of 20\)"),
        (EVEN, np.full((20, 1), 1.0), r"two classes or more, got \(20,\) and \(20, 1\)"),
        (EVEN[:19], of_class_1(*[0.5] * 20), r"got \(19,\) and \(20, 2\)"),
        (EVEN, np.full(20, 0.5), r"got \(20,\) and \(20,\)"),
        (
            EVEN + 1,
            of_class_1(*[0.5] * 20),
            "expected 0 to 1, as there are 2 columns of probabilities; got 2 at index 1",
        ),
        (EVEN - 1, of_class_1(*[0.5] * 20), "got -1 at index 0"),
        (EVEN * 0.5, of_class_1(*[0.5] * 20), "whole numbers 0 to 1, got the type float64"),
        (EVEN * 0, of_class_1(*[0.5] * 20), r"two classes or more, got \[0\] alone"),
        (EVEN[:0], np.empty((0, 2)), r"two classes or more, got \[\] alone"),
    ],
)
def test_misuse_is_told_precisely(labels, probabilities, message):
    for function in (confident_joint, find_label_errors):
        with pytest.raises(ValueError, match=message):
            function(labels, probabilities)


def test_nothing_given_is_changed():
    labels, probabilities, _ = planted(60, 10, 3)
    before = labels.copy(), probabilities.copy()
    find_label_errors(labels, probabilities)
    np.testing.assert_array_equal(labels, before[0])
    np.testing.assert_array_equal(probabilities, before[1])


def test_half_precision_and_unsigned_labels_will_do():
    labels, probabilities, wrong = planted(300, 20, 3)
    found = find_label_errors(labels.astype(np.uint8), probabilities.astype(np.float16))
    assert set(found.tolist()) == wrong
