"""Our confident learning against cleanlab's, by the authors of the paper."""

from __future__ import annotations

import warnings
from collections import Counter
from types import ModuleType

import numpy as np
import pytest

from pneumoscope.stats.label_errors import confident_joint, find_label_errors

RANKINGS = {"normalised_margin": "normalized_margin", "self_confidence": "self_confidence"}


@pytest.fixture(scope="module")
def cleanlab() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports, which are not ours to mend
        peer = pytest.importorskip("cleanlab")
        pytest.importorskip("cleanlab.count")
        pytest.importorskip("cleanlab.filter")
    return peer


def softmax(logits: np.ndarray) -> np.ndarray:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def films(
    seed: int, shares: tuple[float, ...], noise: float, skill: float, count: int = 400
) -> tuple[np.ndarray, np.ndarray]:
    """Labels, of which the part ``noise`` is drawn again, and the probabilities of a model with this skill."""
    rng = np.random.default_rng(seed)
    true = rng.choice(len(shares), count, p=shares)
    given = np.where(rng.random(count) < noise, rng.integers(0, len(shares), count), true)
    logits = rng.normal(size=(count, len(shares))) + np.log(shares)
    logits[np.arange(count), true] += skill
    return given, softmax(logits)


def their_errors(cleanlab: ModuleType, labels: np.ndarray, probabilities: np.ndarray, ranked_by: str) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "too few examples" in a class of one film
        return cleanlab.filter.find_label_issues(
            labels,
            probabilities,
            filter_by="prune_by_noise_rate",
            return_indices_ranked_by=RANKINGS[ranked_by],
            n_jobs=1,
        )


@pytest.mark.parametrize("ranked_by", RANKINGS)
@pytest.mark.parametrize("skill", [0.0, 1.5, 5.0])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.97, 0.03), (0.26, 0.74), (0.4, 0.3, 0.3), (0.8, 0.15, 0.03, 0.02)])
def test_joint_errors_and_order_agree(cleanlab, shares, noise, skill, ranked_by):
    """From a model that knows nothing to one that knows every true label; no two films are alike."""
    labels, probabilities = films(len(shares), shares, noise, skill)
    theirs = cleanlab.count.compute_confident_joint(labels, probabilities)
    np.testing.assert_array_equal(confident_joint(labels, probabilities), theirs)
    found = find_label_errors(labels, probabilities, ranked_by=ranked_by)
    np.testing.assert_array_equal(found, their_errors(cleanlab, labels, probabilities, ranked_by))


@pytest.mark.parametrize("count", [4, 9, 25])
def test_few_films_agree(cleanlab, count):
    compared = 0
    for seed in range(40):
        labels, probabilities = films(seed, (0.3, 0.7), 0.3, 1.0, count)
        if len(np.unique(labels)) == 2:
            theirs = cleanlab.count.compute_confident_joint(labels, probabilities)
            np.testing.assert_array_equal(confident_joint(labels, probabilities), theirs)
            found = find_label_errors(labels, probabilities)
            np.testing.assert_array_equal(found, their_errors(cleanlab, labels, probabilities, "normalised_margin"))
            compared += 1
    assert compared > 20


@pytest.mark.parametrize("seed", range(10))
def test_ties_agree_up_to_which_of_equals(cleanlab, seed):
    """Probabilities in steps of a tenth: of films that are alike, which one is named is anybody's choice."""
    labels, probabilities = films(seed, (0.3, 0.7), 0.2, 2.0)
    of_class_1 = np.round(probabilities[:, 1], 1)
    probabilities = np.column_stack([1 - of_class_1, of_class_1])
    theirs = cleanlab.count.compute_confident_joint(labels, probabilities)
    np.testing.assert_array_equal(confident_joint(labels, probabilities), theirs)
    found = find_label_errors(labels, probabilities)
    peer = their_errors(cleanlab, labels, probabilities, "normalised_margin")
    assert len(found) > 5
    assert Counter(zip(labels[found], of_class_1[found], strict=True)) == Counter(
        zip(labels[peer], of_class_1[peer], strict=True)
    )


@pytest.mark.parametrize("shares", [(0.4, 0.6), (0.3, 0.4, 0.3)])
@pytest.mark.parametrize("never", [0, 1])
def test_a_class_that_is_never_predicted_agrees(cleanlab, shares, never):
    labels, probabilities = films(5, shares, 0.1, 2.0)
    probabilities[:, never] = 0
    if len(shares) == 2:
        probabilities[:, 1 - never] = 1
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    theirs = cleanlab.count.compute_confident_joint(labels, probabilities)
    np.testing.assert_array_equal(confident_joint(labels, probabilities), theirs)
    found = find_label_errors(labels, probabilities)
    peer = their_errors(cleanlab, labels, probabilities, "normalised_margin")
    assert len(found) == len(peer) > 0
    if len(shares) > 2:  # with two classes all films are alike
        assert set(found) == set(peer)


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2], [2, 1, 0]])
def test_a_class_of_two_films_that_look_like_two_others_agrees(cleanlab, order):
    """Two thirds of a film for each class: rounding may leave the class no film at all."""
    classes = np.array(order)[np.repeat([0, 1, 2], [2, 10, 10])]
    looks = np.concatenate(
        [[[0, 0.98, 0.02], [0.02, 0, 0.98]], np.repeat([[0.05, 0.9, 0.05], [0.05, 0.05, 0.9]], 10, 0)]
    )
    probabilities = looks[:, np.argsort(order)]
    theirs = cleanlab.count.compute_confident_joint(classes, probabilities)
    np.testing.assert_array_equal(confident_joint(classes, probabilities), theirs)
    found = find_label_errors(classes, probabilities)
    np.testing.assert_array_equal(found, their_errors(cleanlab, classes, probabilities, "normalised_margin"))
    assert len(found) < 2
